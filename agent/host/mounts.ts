import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { AgentError } from '../errors.ts'
import { type Mount, type MountForm, parseMountInfo, parseNfsSource, topmostAt } from '../model/mount.ts'
import { type CommandResult, type Commands, lastWordsOf, mustRun } from './commands.ts'

/** The mounts of this process's mount namespace, by their targets below the root. */
export interface Mounts {
  /** As the kernel has them: nobody's server is asked. */
  list(): Mount[]
  /** Throws within a bounded time, whatever the server does. */
  mount(target: string, form: MountForm): Promise<void>
  /** What is seen at the target; waits a while for those who use it. */
  unmount(target: string): Promise<void>
  /** Asks the file system that is mounted there how much room it has: only its server can tell. */
  ask(target: string, limit: { timeoutMs: number }): Promise<MountAnswer>
  /** Whether it could be mounted now, out of everybody's sight. */
  tryOut(form: MountForm, limit: { timeoutMs: number }): Promise<MountAnswer>
}

export type MountAnswer =
  | { kind: 'fine' }
  /** In the words of the program that was told. */
  | { kind: 'failed'; why: string }
  | { kind: 'no-answer' }

/** mount.nfs goes on trying a server that is not there for two minutes unless told (retry=, nfs(5)). */
const MOUNT_LIMIT_MS = 30_000
/** A web server's old processes still send what they had begun. */
const BUSY_LIMIT_MS = 10_000
const UNMOUNT_LIMIT_MS = 5_000
const BUSY_AGAIN_MS = 250
/** A folder that every host has and mount(8) does not need. */
const TRIAL_TARGET = '/sys'

export function mountsBelow(root: string, commands: Commands): Mounts {
  const list = (): Mount[] => {
    // The kernel tells where things are in truth.
    const real = realpathSync(root)
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).flatMap(mount => {
      const target = targetBelow(real, mount.target)
      return target === null ? [] : [{ ...mount, target }]
    })
  }
  return {
    list,
    async mount(target, form) {
      const { server } = parseNfsSource(form.source)
      await mustRun(commands, ['mount', ...mountWords(form), target], {
        timeoutMs: MOUNT_LIMIT_MS,
        hint: `does the server answer, and export it to this host? rpcinfo -t ${server} nfs; showmount -e ${server}`,
      })
    },
    async unmount(target) {
      const isThere = (): boolean => topmostAt(list(), target) !== null
      if (isThere()) await unmountPatiently(commands, target, isThere)
    },
    ask: async (target, limit) => answerOf(await commands.run('stat', ['-f', '--', target], limit)),
    // The namespace goes with its only process, and the mount with that.
    tryOut: async (form, limit) =>
      answerOf(await commands.run('unshare', ['--mount', 'mount', ...mountWords(form), TRIAL_TARGET], limit)),
  }
}

function mountWords({ source, type, options }: MountForm): string[] {
  return ['-t', type, '-o', options, '--', source]
}

function answerOf(result: CommandResult | null): MountAnswer {
  if (result === null) return { kind: 'failed', why: 'there is no such program' }
  if (result.isOverdue) return { kind: 'no-answer' }
  return result.exitStatus === 0 ? { kind: 'fine' } : { kind: 'failed', why: lastWordsOf(result) }
}

function targetBelow(root: string, target: string): string | null {
  if (root === '/') return target
  return target === root || target.startsWith(join(root, '/')) ? target.slice(root.length) || '/' : null
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
