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

/** What is seen at a target: the last that was mounted there. */
export function topmostAt(mounts: readonly Mount[], target: string): Mount | null {
  return mounts.findLast(mount => mount.target === target) ?? null
}

export function isNfs({ type }: Pick<Mount, 'type'>): boolean {
  return type === 'nfs' || type === 'nfs4'
}
