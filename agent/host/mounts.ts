import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AgentError } from '../errors.ts'
import { type Mount, type MountForm, parseMountInfo, topmostAt } from '../model/mount.ts'
import { type Commands, mustRun } from './commands.ts'

/** The mounts of this process's mount namespace, by their targets below the root. */
export interface Mounts {
  list(): Mount[]
  /** Throws within a bounded time, whatever the server does. */
  mount(target: string, form: MountForm): Promise<void>
  /** What is seen at the target; waits a while for those who use it. */
  unmount(target: string): Promise<void>
}

/** mount.nfs goes on trying a server that is not there for two minutes unless told (retry=, nfs(5)). */
const MOUNT_LIMIT_MS = 30_000
/** A web server's old processes still send what they had begun. */
const BUSY_LIMIT_MS = 10_000
const UNMOUNT_LIMIT_MS = 5_000
const BUSY_AGAIN_MS = 250

export function mountsBelow(root: string, commands: Commands): Mounts {
  const list = (): Mount[] => parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'))
  const place = (target: string): string => (root === '/' ? target : join(root, target))
  return {
    list: () => list().map(mount => ({ ...mount, target: targetBelow(root, mount.target) ?? mount.target })),
    async mount(target, { source, type, options }) {
      const server = source.replace(/:[^:]*$/, '')
      await mustRun(commands, ['mount', '-t', type, '-o', options, '--', source, target], {
        timeoutMs: MOUNT_LIMIT_MS,
        hint: `does the server answer, and export it to this host? rpcinfo -t ${server} nfs; showmount -e ${server}`,
      })
    },
    async unmount(target) {
      const isThere = (): boolean => topmostAt(list(), place(target)) !== null
      if (isThere()) await unmountPatiently(commands, target, isThere)
    },
  }
}

function targetBelow(root: string, target: string): string | null {
  if (root === '/') return target
  return target === root || target.startsWith(`${root}/`) ? target.slice(root.length) || '/' : null
}

/** -c: no look at the target, which may hang where its server is dead; then by force, and at last out of sight. */
async function unmountPatiently(commands: Commands, target: string, isThere: () => boolean): Promise<void> {
  const options = { timeoutMs: UNMOUNT_LIMIT_MS }
  const giveUpAt = performance.now() + BUSY_LIMIT_MS
  for (;;) {
    const result = await commands.run('umount', ['-c', '--', target], options)
    if (!isThere()) return
    if (result === null) throw new AgentError('unsupported', 'there is no umount', 'install util-linux')
    if (result.isOverdue || performance.now() > giveUpAt) break
    await new Promise(resolve => setTimeout(resolve, BUSY_AGAIN_MS))
  }
  await commands.run('umount', ['-c', '-f', '-l', '--', target], options)
  if (isThere())
    throw new AgentError(
      'failed',
      `cannot unmount ${target}: it is in use`,
      `fuser -vm ${target} tells by whom`,
    )
}
