import { isBelow, isNfs, isSameSource, type Mount, type MountForm, topmostAt } from '../model/mount.ts'
import { keyOf } from './setting.ts'
import type { Prior, Step } from './step.ts'

/**
 * The prior values, with what the steps mount remembered beside those of mounts: when the configuration changes, or a
 * run is killed, the files for the next boot may tell of another share than the one that is mounted.
 */
export function withSources(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const mounted = new Map<string, string[]>()
  for (const { change } of steps)
    if (change.kind === 'mount' && change.after !== null) {
      const key = keyOf(change)
      mounted.set(key, [...(mounted.get(key) ?? []), change.after.source])
    }
  return priors.map(prior => {
    const sources = mounted.get(keyOf(prior))
    return sources === undefined
      ? prior
      : { ...prior, sources: [...new Set([...(prior.sources ?? []), ...sources])] }
  })
}

/**
 * Why a mount is left where an earlier apply had mounted a share, when the prior values that are released go back: it is
 * somebody else's, or somebody else's lies in it, and would be hidden from everybody with it. Null for one that goes.
 */
export function whyMountStays(
  prior: Prior & { kind: 'mount' },
  mounts: readonly Mount[],
  released: readonly Prior[],
): string | null {
  const { target } = prior.id
  const mounted = topmostAt(mounts, target)
  if (mounted === null) return null
  const goes = (mount: Mount): boolean =>
    released.some(
      each => each.kind === 'mount' && each.id.target === mount.target && isMountedByUs(each, mount),
    )
  if (!goes(mounted)) return `${describe(mounted)}, and not by rs-agent`
  const inside = mounts.find(
    mount => isBelow(mount.target, target) && mount.type !== 'autofs' && !goes(mount),
  )
  return inside === undefined ? null : `${describe(inside)}, which lies in it, and not by rs-agent`
}

function describe({ source, type, target }: Mount): string {
  return `${source} (${type}) was mounted at ${target} since`
}

/** Whether it is a share that rs-agent has mounted: only then is it taken away, or replaced. */
export function isMountedByUs(
  { kind, value, sources }: Prior,
  mounted: Pick<MountForm, 'source' | 'type'>,
): boolean {
  return (
    kind === 'mount' &&
    value === null &&
    isNfs(mounted) &&
    // Not told of by the memory of an earlier version.
    (sources === undefined || sources.some(source => isSameSource(source, mounted.source)))
  )
}
