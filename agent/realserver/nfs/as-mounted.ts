import { type MountOption, nfsVersionOf, parseMountOptions, topicOf } from '../../model/mount-options.ts'

/** Kernel defaults of attribute caching, in seconds (include/linux/nfs_fs.h); it does not tell of a value that is one. */
const CACHE_DEFAULTS: Record<string, string> = {
  acregmin: '3',
  acregmax: '60',
  acdirmin: '30',
  acdirmax: '60',
}

/** Client and server agree on these, whatever was asked for. */
const NEGOTIATED = ['rsize', 'wsize', 'sec']

/** Words of the mount itself: the kernel tells of those that are not its default. */
const RESTRICTIONS = ['nosuid', 'nodev', 'noexec']

/** Words that the kernel tells as they were given. */
const TOLD = ['soft', 'softerr', 'hard', 'noac', 'nocto']

/**
 * The options that were asked for and are not in force, by what the kernel tells of a mount (`fs/nfs/super.c`,
 * nfs_show_mount_options). What it never tells of counts as in force.
 */
export function missingOptions(told: string, wanted: string): string[] {
  const found = parseMountOptions(told)
  const asked = parseMountOptions(wanted)
  return asked
    .filter(option => !isInForce(option, found, asked))
    .map(({ name, value }) => (value === null ? name : `${name}=${value}`))
}

function isInForce(
  option: MountOption,
  found: readonly MountOption[],
  asked: readonly MountOption[],
): boolean {
  const { name, value } = option
  const has = (word: string): boolean => found.some(each => each.name === word)
  if (topicOf(name) === 'nfsvers') return isVersion(nfsVersionOf(found), nfsVersionOf([option]))
  if (topicOf(name) === 'proto') return isTransport(found, value ?? name)
  // Of the mount or of its file system: one of them is enough.
  if (topicOf(name) === 'ro') return has('ro') === (name === 'ro')
  if (RESTRICTIONS.includes(name) || TOLD.includes(name)) return has(name)
  if (RESTRICTIONS.includes(`no${name}`)) return !has(`no${name}`)
  if (name === 'nolock')
    return nfsVersionOf(asked) !== '3' || has('nolock') || valueFor(found, 'local_lock') === 'all'
  if (name === 'actimeo') return Object.keys(CACHE_DEFAULTS).every(key => isCached(key, value, found, asked))
  if (CACHE_DEFAULTS[name] !== undefined) return isCached(name, value, found, [])
  if (value === null || NEGOTIATED.includes(name)) return true
  return (valueFor(found, name) ?? value) === value
}

/** One that is named by itself counts more than `actimeo`, which speaks of all. */
function isCached(
  key: string,
  seconds: string | null,
  found: readonly MountOption[],
  asked: readonly MountOption[],
): boolean {
  return valueFor(asked, key) !== null || (valueFor(found, key) ?? CACHE_DEFAULTS[key]) === seconds
}

/** `4` is any of its minor versions. */
function isVersion(found: string | null, wanted: string | null): boolean {
  return found === null || found === wanted || (wanted === '4' && found.startsWith('4.'))
}

/** The kernel tells of IPv6 as tcp6. */
function isTransport(found: readonly MountOption[], wanted: string): boolean {
  const transport = valueFor(found, 'proto')
  return transport === null || transport.replace(/6$/, '') === wanted.replace(/6$/, '')
}

function valueFor(options: readonly MountOption[], name: string): string | null {
  return options.find(option => option.name === name)?.value ?? null
}
