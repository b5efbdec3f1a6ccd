import type { SysctlPath } from '../host/sysctl.ts'
import { topmostAt } from '../model/mount.ts'
import { type FoundHost, type Lookup, lookupIn } from './found.ts'
import { whyMountStays, withSources } from './mounted-by-us.ts'
import { type Phase, phaseRank } from './order.ts'
import { isSameValue, keyOf, type Setting, type SettingKind } from './setting.ts'
import type { State } from './state.ts'
import { type Claim, changeTo, type Prior, type Step } from './step.ts'

/** What the other role of the host remembers: some settings are needed by both. */
export type OtherRole = Pick<State, 'needs' | 'priors'>

/**
 * The steps that take the host from what was found to what is claimed; empty when nothing is to do.
 * A setting with a prior value that nothing claims any more goes back to that value, unless the other role needs it.
 */
export function plan(
  claims: readonly Claim[],
  priors: readonly Prior[],
  found: FoundHost,
  other: OtherRole,
): Step[] {
  const current = lookupIn(found)
  const claimed = new Set(claims.map(claim => keyOf(claim.wanted)))
  const released = priors.filter(prior => !claimed.has(keyOf(prior)) && !isNeeded(prior, other))
  const rememberedByOther = new Set(other.priors.map(keyOf))
  return [
    ...claims.filter(claim => !claim.satisfied).map(claim => claimStep(claim, current, rememberedByOther)),
    // Last made, first taken back.
    ...released
      .toReversed()
      .sort((left, right) => releaseRank(left) - releaseRank(right))
      .flatMap(prior => releaseStep(prior, current, found, released)),
  ].sort((left, right) => phaseRank(left.phase) - phaseRank(right.phase))
}

/** Whether the other role counts on the setting as it is. */
export function isNeeded({ kind, id }: Prior, { needs }: Pick<OtherRole, 'needs'>): boolean {
  return kind === 'sysctl' && needs.includes(id.path)
}

/** The parameters among the claims, for the other role to leave alone. */
export function needsOf(claims: readonly Claim[]): SysctlPath[] {
  return claims.flatMap(({ wanted }) => (wanted.kind === 'sysctl' ? [wanted.id.path] : []))
}

/** The prior values after the steps were made: new ones are kept, those gone back to are forgotten. */
export function priorsAfter(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const goneBackTo = new Set<string>()
  const priorValues = new Map(priors.map(prior => [keyOf(prior), prior.value]))
  for (const { change } of steps) {
    const key = keyOf(change)
    if (priorValues.has(key) && isSameValue(priorValues.get(key) ?? null, change.after)) goneBackTo.add(key)
  }
  return priorsDuring(priors, steps).filter(prior => !goneBackTo.has(keyOf(prior)))
}

/** The prior values as far as an interrupted run may have changed them: nothing is forgotten. */
export function priorsDuring(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const known = new Set(priors.map(keyOf))
  const found = steps.flatMap(({ resource, onRemove, change: { kind, id, before } }) => {
    if (onRemove === 'forget' || known.has(keyOf({ kind, id } as Prior))) return []
    return [{ resource, onRemove, kind, id, value: before } as Prior]
  })
  return withSources([...priors, ...found], steps)
}

function claimStep(
  { resource, phase, wanted, onRemove }: Claim,
  current: Lookup,
  rememberedByOther: ReadonlySet<string>,
): Step {
  const change = changeTo(wanted, current(wanted))
  // What was there before rs-agent came the other role knows, and hands it over when it goes.
  return { resource, phase, onRemove: rememberedByOther.has(keyOf(wanted)) ? 'forget' : onRemove, change }
}

function releaseStep(prior: Prior, current: Lookup, found: FoundHost, released: readonly Prior[]): Step[] {
  const before = current(prior)
  if (prior.onRemove === 'tell' || isSameValue(before, prior.value)) return []
  if (whyOutOfReach(prior, before, found) !== null || isInUse(prior, found, released)) return []
  const change = changeTo(prior, before)
  return [{ resource: prior.resource, phase: releasePhase(prior), onRemove: 'put-back', change }]
}

/** What remove cannot go back to, each with the reason. */
export function tellOfLost(priors: readonly Prior[], found: FoundHost): string[] {
  const current = lookupIn(found)
  return priors.flatMap(prior => {
    const now = current(prior)
    if (prior.onRemove === 'tell' || prior.value === null || isSameValue(now, prior.value)) return []
    const why = whyOutOfReach(prior, now, found)
    return why === null ? [] : [`${keyOf(prior)} cannot be put back: ${why}`]
  })
}

/** A folder of ours that others have put something into, or mounted: all that may be in it goes with it. */
function isInUse(prior: Prior, found: FoundHost, released: readonly Prior[]): boolean {
  const mounts = found.serving?.mounts ?? []
  if (prior.kind === 'mount') return whyMountStays(prior, mounts, released) !== null
  if (prior.kind !== 'folder') return false
  const { path } = prior.id
  const mount = released.find(({ kind, id }) => kind === 'mount' && id.target === path)
  if (topmostAt(mounts, path) !== null && (mount === undefined || isInUse(mount, found, released)))
    return true
  const folder = found.serving?.folders[path]
  if (folder?.kind !== 'folder') return false
  return folder.entries.some(entry => {
    const inside = released.find(({ kind, id }) => kind === 'folder' && id.path === `${path}/${entry}`)
    return inside === undefined || isInUse(inside, found, released)
  })
}

/** An interface that is gone took its parameters, addresses and routes with it; IPVS its table. */
function whyOutOfReach(
  prior: Prior,
  before: Setting['value'],
  { links, ipvs, serving }: FoundHost,
): string | null {
  const withoutIpvs = ipvs === null ? 'the kernel has no IPVS any more' : null
  const without = (name: string | undefined): string | null =>
    name === undefined || links.some(link => link.name === name) ? null : 'its interface is gone'
  switch (prior.kind) {
    case 'sysctl':
      return before === null ? 'its interface or module is gone' : null
    case 'address':
      return without(prior.id.link)
    case 'route':
      return without(prior.value?.link)
    case 'file':
    case 'site':
    case 'unit-file':
    case 'folder':
    case 'fstab-line':
    case 'boot-unit':
    // Nothing was mounted there before.
    case 'mount':
      return null
    case 'web-server':
      return serving?.webServers[prior.id.server]?.isThere === false ? 'it is not installed any more' : null
    case 'ipvs-service':
    case 'ipvs-destination':
    case 'ipvs-timeout':
      return withoutIpvs
    case 'sync-daemon':
      return withoutIpvs ?? without(prior.value?.interface)
    default:
      return prior satisfies never
  }
}

/** A virtual service comes back before its real servers and goes after them, whichever was touched first. */
function releaseRank({ kind, value }: Prior): number {
  if (kind !== 'ipvs-service') return 0
  return value === null ? 1 : -1
}

const RELEASE_PHASES: Record<SettingKind, Phase> = {
  route: 'unroute',
  address: 'unbind',
  file: 'forget',
  site: 'unconfigure',
  'unit-file': 'unconfigure',
  folder: 'unconfigure',
  mount: 'unmount',
  'fstab-line': 'unconfigure',
  'boot-unit': 'unconfigure',
  'web-server': 'stop',
  sysctl: 'restore',
  'ipvs-service': 'unserve',
  'ipvs-destination': 'unserve',
  'ipvs-timeout': 'restore',
  'sync-daemon': 'restore',
}

function releasePhase({ kind, value }: Setting): Phase {
  // Like any other service it must be there before its VIP.
  if (value !== null && (kind === 'ipvs-service' || kind === 'ipvs-destination')) return 'serve'
  // It reads its configuration once that is as it was.
  if (kind === 'web-server' && value?.running === true) return 'resume'
  const bringsBackNetwork = value !== null && (kind === 'address' || kind === 'route')
  return bringsBackNetwork ? 'put-back' : RELEASE_PHASES[kind]
}
