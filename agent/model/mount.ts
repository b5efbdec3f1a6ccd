/** A mount as mountinfo tells of it (proc_pid_mountinfo(5)). */
export interface Mount {
  target: string
  source: string
  /** `nfs`, `nfs4`, `autofs`, `ext4`, … */
  type: string
  /** Of the mount and of its file system, with commas between them; the kernel adds many that nobody asked for. */
  options: string
}

/** What a mount of ours is made of, and what is left when it is undone. */
export type MountForm = Omit<Mount, 'target'>

/** Mounts in the order in which they were made: the last one at a target is what is seen there. */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    const [before = '', after] = line.split(' - ')
    if (after === undefined) return []
    const [, , , , target = '', options = ''] = before.split(' ')
    const [type = '', source = '', superOptions = ''] = after.split(' ')
    return [
      {
        target: parseOctal(target),
        source: parseOctal(source),
        type,
        options: parseOctal(`${options},${superOptions}`),
      },
    ]
  })
}

/** Spaces, tabs, newlines and backslashes stand as octal numbers in the kernel's tables and in fstab(5). */
export function parseOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/**
 * What is seen at a target: the last that was mounted there, unless something was mounted above it since, which hides
 * it. What only waits for somebody to come (autofs) is no mount yet.
 */
export function topmostAt(mounts: readonly Mount[], target: string): Mount | null {
  const index = mounts.findLastIndex(mount => mount.target === target && mount.type !== 'autofs')
  const mount = mounts[index]
  if (mount === undefined) return null
  return mounts.slice(index + 1).some(later => isBelow(target, later.target)) ? null : mount
}

/** Whether the first of any comers makes systemd, or the automounter, mount something at the target. */
export function waitsForComers(mounts: readonly Mount[], target: string): boolean {
  return mounts.some(mount => mount.target === target && mount.type === 'autofs')
}

/** Whether a path lies in a folder, and is not the folder itself. */
export function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

export function isNfs({ type }: Pick<Mount, 'type'>): boolean {
  return type === 'nfs' || type === 'nfs4'
}

/** File systems whose other end may be dead, so that a look at them never ends. */
const REMOTE = new Set(['nfs', 'nfs4', 'autofs', 'cifs', 'smb3', 'ceph', 'afs', 'lustre', 'gfs2', 'ocfs2'])

/** Whether a look at the path would have to ask another host. */
export function isRemote(mounts: readonly Mount[], path: string): boolean {
  return mounts.some(
    ({ target, type }) =>
      (REMOTE.has(type) || type.startsWith('fuse.')) &&
      // Where the whole system comes from there, all of it hangs anyway.
      target !== '/' &&
      (path === target || isBelow(path, target)),
  )
}

/** `SERVER:/PATH` in its parts; an IPv6 address stands in brackets. */
export function parseNfsSource(source: string): { server: string; path: string } {
  const [, bracketed, plain, path = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(.*)$/.exec(source) ?? []
  return { server: bracketed ?? plain ?? source, path }
}

/** Whether two texts name the same share: slashes that say nothing, and capital letters of a host, do not count. */
export function isSameSource(left: string, right: string): boolean {
  return normalSource(left) === normalSource(right)
}

function normalSource(source: string): string {
  const { server, path } = parseNfsSource(source)
  return `${server.toLowerCase()}:${path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')}`
}
