import { isBelow, isNfs, isSameSource, type Mount, topmostAt, waitsForComers } from '../../model/mount.ts'
import { unitNameOf } from '../../model/unit-name.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { FoundServing } from '../../reconcile/found-serving.ts'
import { isMountedByUs, whyMountStays } from '../../reconcile/mounted-by-us.ts'
import type { Claim, Prior } from '../../reconcile/step.ts'
import type { WantedRealServer, WantedShare } from '../desired.ts'
import { missingOptions } from './as-mounted.ts'
import { bootClaims, unitPaths } from './boot.ts'
import { shareOptions } from './options.ts'

type Wanted = Pick<WantedRealServer, 'nfs' | 'templates'>

/** Folder, files for the next boot, and the mount itself, for each share; one inside another comes after it. */
export function nfsMountClaims(wanted: Wanted, found: FoundHost, priors: readonly Prior[]): Claim[] {
  const { serving } = found
  if (serving === undefined) return []
  const shares = outerFirst(wanted.nfs)
  return [
    ...folderClaims(shares, serving, priors),
    ...shares.flatMap(share => {
      const boot = bootClaims(share, wanted, found, priors)
      const isReady = boot.every(({ satisfied }) => satisfied)
      return [...boot, mountClaim(share, serving, priors, { isReady })]
    }),
  ]
}

/** By path: what lies in another comes behind it. */
function outerFirst(shares: readonly WantedShare[]): WantedShare[] {
  return shares.toSorted((left, right) => (left.target < right.target ? -1 : 1))
}

/** Those that are missing, parents first. What lies in another share has to be in it. */
function folderClaims(
  shares: readonly WantedShare[],
  { folders }: FoundServing,
  priors: readonly Prior[],
): Claim[] {
  const made = new Set(priors.flatMap(({ kind, id }) => (kind === 'folder' ? [id.path] : [])))
  const paths = shares
    .filter(share => !shares.some(other => isBelow(share.target, other.target)))
    .flatMap(({ target }) => foldersTo(target))
  return [...new Set(paths)]
    .filter(path => folders[path] === undefined || made.has(path))
    .map(path => ({
      resource: 'nfs-mounted',
      phase: 'configure',
      wanted: { kind: 'folder', id: { path }, value: 'there' },
      satisfied: folders[path] !== undefined,
      onRemove: 'put-back',
    }))
}

function mountClaim(
  { source, target, options }: WantedShare,
  { mounts }: FoundServing,
  priors: readonly Prior[],
  { isReady }: { isReady: boolean },
): Claim {
  const mounted = topmostAt(mounts, target)
  const form = { source, type: 'nfs', options: shareOptions(options).mount }
  return {
    resource: 'nfs-mounted',
    phase: 'mount',
    wanted: { kind: 'mount', id: { target }, value: form },
    satisfied:
      mounted === null
        ? // Since the last boot nobody has come: who does finds it mounted.
          isReady && waitsForComers(mounts, target)
        : whatDiffers({ source, target, options }, mounted, priors) === null,
    onRemove: 'put-back',
  }
}

/**
 * Why what is mounted is not the share as it is wanted; null when it is. A mount of ours has every option that was
 * chosen for it, one of somebody else's those that the configuration names.
 */
export function whatDiffers(share: WantedShare, mounted: Mount, priors: readonly Prior[]): string | null {
  if (!isNfs(mounted)) return `${mounted.source}, ${mounted.type},`
  if (!isSameSource(mounted.source, share.source)) return mounted.source
  const { mount, named } = shareOptions(share.options)
  const missing = missingOptions(mounted.options, isOurs(mounted, priors) ? mount : named)
  return missing.length === 0 ? null : `${mounted.source} without ${missing.join(',')}`
}

/** Whether an earlier apply mounted it. */
export function isOurs(mounted: Mount, priors: readonly Prior[]): boolean {
  return priors.some(
    prior => prior.kind === 'mount' && prior.id.target === mounted.target && isMountedByUs(prior, mounted),
  )
}

/** Of mounts that are left where an earlier apply had mounted a share that is not wanted any more. */
export function tellOfMountsThatStay(
  wanted: readonly WantedShare[],
  { serving }: FoundHost,
  priors: readonly Prior[],
): string[] {
  const released = priors.filter(
    ({ kind, id }) => kind === 'mount' && !wanted.some(({ target }) => target === id.target),
  )
  return released.flatMap(prior => {
    if (prior.kind !== 'mount') return []
    const why = whyMountStays(prior, serving?.mounts ?? [], released)
    return why === null ? [] : [`what is mounted at ${prior.id.target} stays: ${why}`]
  })
}

/** Of what a mount hides, before it does. */
export function tellOfMounts({ nfs }: Pick<WantedRealServer, 'nfs'>, { serving }: FoundHost): string[] {
  if (serving === undefined) return []
  return nfs.flatMap(({ target }) => {
    const folder = serving.folders[target]
    const isInAnother = nfs.some(other => isBelow(target, other.target))
    if (folder?.kind !== 'folder' || folder.entries.length === 0 || isInAnother) return []
    if (topmostAt(serving.mounts, target) !== null) return []
    const named = folder.entries.slice(0, ENTRIES_NAMED).join(', ')
    const more = folder.entries.length > ENTRIES_NAMED ? ' and more' : ''
    return [`${target} is not empty: ${named}${more} in it cannot be seen while the share is mounted there`]
  })
}

const ENTRIES_NAMED = 3

/** What is to be looked at for the shares that are wanted, and those of an earlier apply. */
export function nfsInterest(
  shares: readonly WantedShare[],
  priors: readonly Prior[],
): { folders: string[]; bootUnits: string[]; files: string[] } {
  const known = priors.map(({ kind, id }) => ({ kind, id }) as Prior)
  const targets = [
    ...shares.map(({ target }) => target),
    ...known.flatMap(({ kind, id }) => (kind === 'mount' || kind === 'fstab-line' ? [id.target] : [])),
  ]
  const folders = known.flatMap(({ kind, id }) => (kind === 'folder' ? [id.path] : []))
  const units = shares.flatMap(({ target }) => [unitNameOf(target, 'mount'), unitNameOf(target, 'automount')])
  const bootUnits = known.flatMap(({ kind, id }) => (kind === 'boot-unit' ? [id.name] : []))
  const files = known.flatMap(({ kind, id }) => (kind === 'unit-file' ? [id.path] : []))
  return {
    folders: [...new Set([...targets.flatMap(foldersTo), ...folders])],
    bootUnits: [...new Set([...units, ...bootUnits])],
    files: [...new Set([...shares.flatMap(({ target }) => unitPaths(target)), ...files])],
  }
}

/** The folders on the way to a path, from the top, and the path itself. */
export function foldersTo(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '')
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
}
