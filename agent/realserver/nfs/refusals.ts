import { isBelow, topmostAt } from '../../model/mount.ts'
import { MAX_UNIT_NAME_BYTES, unitNameOf } from '../../model/unit-name.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { FoundServing } from '../../reconcile/found-serving.ts'
import { STATE_FOLDER } from '../../reconcile/journal.ts'
import type { Refusal } from '../../reconcile/refusal.ts'
import type { Prior } from '../../reconcile/step.ts'
import type { WantedRealServer, WantedShare } from '../desired.ts'
import { setUpByOthers } from './boot.ts'
import { foldersTo, isOurs, whatDiffers } from './nfs-mount.ts'

/** Why a share cannot be mounted where it is wanted. */
export function nfsMountRefusals(
  { nfs }: Pick<WantedRealServer, 'nfs'>,
  found: FoundHost,
  priors: readonly Prior[],
): Refusal[] {
  const { serving } = found
  if (serving === undefined) return []
  return nfs.flatMap((share, index) => {
    const refuse = (why: string, hint: string): Refusal[] => [
      { path: ['realServer', 'nfs', index, 'target'], why, hint },
    ]
    const reason =
      whyOfTheHost(share, serving) ??
      whyNotThisFolder(share, nfs, serving) ??
      whyTaken(share, serving, priors) ??
      whySetUp(share, found, priors)
    return reason === null ? [] : refuse(...reason)
  })
}

/** Why, and what to do. */
type Reason = readonly [why: string, hint: string]

/** Folders without which this host is none, and those in which the kernel shows itself. */
export const OF_THE_SYSTEM = 'bin boot dev etc lib lib32 lib64 proc root run sbin sys tmp usr var'
  .split(' ')
  .map(name => `/${name}`)
export const OF_THE_KERNEL = ['/dev', '/proc', '/sys']
/** What rs-agent itself reads at every run, which would wait for a dead server there. */
const OF_RS_AGENT = ['/etc/rs-agent', `/${STATE_FOLDER}`]
/** What no share may hide, by itself or with a folder around it: programs, and where apply writes. */
const NEVER_HIDDEN = [
  ...['/usr/bin', '/usr/lib', '/usr/lib64', '/usr/sbin', '/run/systemd'],
  ...['/etc/sysctl.d', '/etc/systemd/system', ...OF_RS_AGENT],
]

function whyOfTheHost({ target }: WantedShare, { init }: FoundServing): Reason | null {
  const hint = 'mount it to a folder of its own, such as /var/www/html'
  if (OF_THE_KERNEL.some(folder => isBelow(target, folder)))
    return [`${target} is no place for files: the kernel shows itself there`, hint]
  const hides = (folder: string): boolean => folder === target || isBelow(folder, target)
  if (OF_THE_SYSTEM.includes(target) || NEVER_HIDDEN.some(hides))
    return [`a share at ${target} would hide what this host needs to run`, hint]
  if (OF_RS_AGENT.some(folder => isBelow(target, folder)))
    return [`a share at ${target} would keep rs-agent waiting whenever its server is dead`, hint]
  if (init !== 'none' && Buffer.byteLength(unitNameOf(target, 'automount')) > MAX_UNIT_NAME_BYTES)
    return [`systemd has no name for a unit of ${target}`, 'mount it to a folder with a shorter path']
  return null
}

function whyNotThisFolder(
  { target }: WantedShare,
  shares: readonly WantedShare[],
  { folders, mounts }: FoundServing,
): Reason | null {
  for (const path of foldersTo(target)) {
    const folder = folders[path]
    if (folder?.kind === 'other') return [`${path} is not a folder`, `move it away: mv ${path} ${path}.old`]
    if (folder?.kind === 'link')
      return [
        `${path} is a link to ${folder.to}, and the kernel tells of mounts by their true path`,
        `realpath -m ${target} tells the path to write instead`,
      ]
  }
  const isMounted = topmostAt(mounts, target) !== null
  const hidden = mounts.find(mount => isBelow(mount.target, target) && mount.type !== 'autofs')
  if (hidden === undefined || isMounted) return null
  const isWanted = shares.some(share => share.target === hidden.target)
  return [
    `${hidden.source} is mounted at ${hidden.target}, which a share at ${target} would hide`,
    `umount ${hidden.target}${isWanted ? ', then run this again: both are mounted then' : ', or choose another target'}`,
  ]
}

/** What is mounted there and is not ours is never taken away; ours only while nothing else is mounted in it. */
function whyTaken(share: WantedShare, { mounts }: FoundServing, priors: readonly Prior[]): Reason | null {
  const { target } = share
  const mounted = topmostAt(mounts, target)
  if (mounted === null) return null
  const different = whatDiffers(share, mounted, priors)
  if (different === null) return null
  if (!isOurs(mounted, priors))
    return [
      `${different} is mounted at ${target} already, and not by rs-agent`,
      `umount ${target}, or write the share and its options as it is mounted: findmnt ${target}`,
    ]
  const inside = mounts.find(mount => isBelow(mount.target, target) && mount.type !== 'autofs')
  if (inside === undefined) return null
  return [
    `${target} has to be mounted anew, and ${inside.source} is mounted in it, at ${inside.target}`,
    `umount ${inside.target}, then run this again`,
  ]
}

function whySetUp(share: WantedShare, found: FoundHost, priors: readonly Prior[]): Reason | null {
  const others = setUpByOthers(share, found, priors)
  if (others === null || others.wrong === null) return null
  return [
    `${others.where} is not by rs-agent, and has ${others.wrong} for ${share.target} at the next boot`,
    `take that out of ${others.where}, or change it to the share as it is configured`,
  ]
}
