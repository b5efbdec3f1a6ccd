import { systemdLine } from '../../model/dialect.ts'
import { FSTAB, parseFstabLine, writeFstabLine } from '../../model/fstab.ts'
import { isNfs, isSameSource } from '../../model/mount.ts'
import { parseMountOptions } from '../../model/mount-options.ts'
import { revisionOf } from '../../model/revision.ts'
import { renderTemplate } from '../../model/template.ts'
import { unitNameOf } from '../../model/unit-name.ts'
import { fileClaim } from '../../reconcile/file-claim.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { FoundServing } from '../../reconcile/found-serving.ts'
import { isSameValue } from '../../reconcile/setting.ts'
import type { Claim, Prior } from '../../reconcile/step.ts'
import type { WantedRealServer, WantedShare } from '../desired.ts'
import { readFirstLine, withFirstLine } from '../written-by-us.ts'
import { missingOptions } from './as-mounted.ts'
import { shareOptions } from './options.ts'

/** Of the units that an administrator, or rs-agent, writes. */
const UNITS = 'etc/systemd/system'
/** Of units that come with packages: systemd.unit(5). */
const UNITS_OF_PACKAGES = ['run/systemd/system', 'usr/local/lib/systemd/system', 'usr/lib/systemd/system']

export function unitPath(target: string, type: 'mount' | 'automount'): string {
  return `${UNITS}/${unitNameOf(target, type)}`
}

/** Where units for the target may lie, whoever wrote them. */
export function unitPaths(target: string): string[] {
  return [
    unitPath(target, 'mount'),
    unitPath(target, 'automount'),
    ...UNITS_OF_PACKAGES.map(folder => `${folder}/${unitNameOf(target, 'mount')}`),
  ]
}

/** What mounts the share at the next boot; nothing where somebody else sees to it. */
export function bootClaims(
  share: WantedShare,
  { templates }: Pick<WantedRealServer, 'templates'>,
  found: FoundHost,
  priors: readonly Prior[],
): Claim[] {
  const { serving } = found
  if (serving === undefined || isMountedByOthers(share, found, priors)) return []
  const { target } = share
  if (serving.init === 'none') return [fstabClaim(share, serving)]
  const values = { ...share, options: shareOptions(share.options).mount }
  const claimOf = (type: 'mount' | 'automount'): Claim =>
    unitClaim(unitPath(target, type), templates[type], values, found)
  // Without automounts a server that is dead at boot is not found again before somebody mounts by hand.
  if (serving.init !== 'systemd')
    return [claimOf('mount'), enabledClaim(unitNameOf(target, 'mount'), serving)]
  return [claimOf('mount'), claimOf('automount'), enabledClaim(unitNameOf(target, 'automount'), serving)]
}

function enabledClaim(name: string, { bootUnits }: FoundServing): Claim {
  return {
    resource: 'nfs-boot',
    phase: 'configure',
    wanted: { kind: 'boot-unit', id: { name }, value: 'enabled' },
    satisfied: bootUnits.includes(name),
    onRemove: 'put-back',
  }
}

function unitClaim(
  path: string,
  template: string,
  values: { source: string; target: string; options: string },
  found: FoundHost,
): Claim {
  const text = renderTemplate(template, values, systemdLine)
  const content = withFirstLine(text, revisionOf(text))
  const { value } = fileClaim('nfs-boot', path, content, found).wanted
  const present = found.files[path] ?? null
  return {
    resource: 'nfs-boot',
    phase: 'configure',
    wanted: { kind: 'unit-file', id: { path }, value } as Claim['wanted'],
    satisfied: isSameValue(present, value),
    onRemove: 'put-back',
  }
}

function fstabClaim({ source, target, options }: WantedShare, { fstabLines }: FoundServing): Claim {
  const value = writeFstabLine({ source, target, type: 'nfs', options: shareOptions(options).fstab })
  return {
    resource: 'nfs-boot',
    phase: 'configure',
    wanted: { kind: 'fstab-line', id: { target }, value },
    satisfied: fstabLines[target] === value,
    onRemove: 'put-back',
  }
}

/** What somebody else has set up for the target: where it stands, and why it is not what is wanted, if it is not. */
export interface OthersSetUp {
  where: string
  /** Null for one that mounts the share as it is wanted. */
  wrong: string | null
}

export function setUpByOthers(
  share: WantedShare,
  { files, serving }: FoundHost,
  priors: readonly Prior[],
): OthersSetUp | null {
  const { target } = share
  const isOurs = priors.some(({ kind, id }) => kind === 'fstab-line' && id.target === target)
  const line = serving?.fstabLines[target]
  if (line !== undefined && !isOurs) return { where: `/${FSTAB}`, wrong: whatIsWrongInFstab(line, share) }
  if (serving === undefined || serving.init === 'none') return null
  const path = unitPaths(target).find(
    unit => files[unit] !== undefined && readFirstLine(files[unit].content) === null,
  )
  if (path === undefined) return null
  return { where: `/${path}`, wrong: whatIsWrongInUnit(files[path]?.content ?? '', share, serving) }
}

function isMountedByOthers(share: WantedShare, found: FoundHost, priors: readonly Prior[]): boolean {
  return setUpByOthers(share, found, priors) !== null
}

function whatIsWrongInFstab(line: string, share: WantedShare): string | null {
  const { source, type, options } = parseFstabLine(line)
  if (!isNfs({ type })) return `${source} of type ${type}`
  const words = parseMountOptions(options).map(({ name }) => name)
  if (words.includes('noauto') && !words.includes('x-systemd.automount')) return 'noauto'
  return whatDiffers({ source, options }, share)
}

function whatIsWrongInUnit(text: string, share: WantedShare, { bootUnits }: FoundServing): string | null {
  const source = unitSetting(text, 'What')
  const options = unitSetting(text, 'Options') ?? ''
  if (source === null) return 'no What= that could be read'
  const names = [unitNameOf(share.target, 'mount'), unitNameOf(share.target, 'automount')]
  if (!names.some(name => bootUnits.includes(name))) return 'a unit that is not started at boot'
  return whatDiffers({ source, options }, share)
}

function whatDiffers(found: Pick<WantedShare, 'source' | 'options'>, share: WantedShare): string | null {
  if (!isSameSource(found.source, share.source)) return found.source
  const missing = missingOptions(found.options, shareOptions(share.options).named)
  return missing.length === 0 ? null : `${found.source} without ${missing.join(',')}`
}

/** The last one counts; a percent sign is written twice. */
function unitSetting(text: string, key: string): string | null {
  const lines = [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))]
  return lines.at(-1)?.[1]?.trim().replaceAll('%%', '%') ?? null
}
