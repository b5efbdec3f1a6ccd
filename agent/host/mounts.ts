import { readFileSync, readlinkSync, realpathSync } from 'node:fs'
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
  const outside = isShutIn(root) ? BY_SYSTEMD : null
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
      await mustRun(commands, runBy(outside, MOUNT_LIMIT_MS, ['mount', ...mountWords(form), target]), {
        timeoutMs: MOUNT_LIMIT_MS,
        hint: `does the server answer, and export it to this host? rpcinfo -t ${server} nfs; showmount -e ${server}`,
      })
    },
    async unmount(target) {
      const isThere = (): boolean => topmostAt(list(), target) !== null
      const umount = (...words: string[]): Promise<CommandResult | null> => {
        const [program, ...args] = runBy(outside, UNMOUNT_LIMIT_MS, ['umount', '-c', ...words, '--', target])
        return commands.run(program, args, { timeoutMs: UNMOUNT_LIMIT_MS })
      }
      if (isThere()) await unmountPatiently(umount, target, isThere)
    },
    ask: async (target, limit) => answerOf(await commands.run('stat', ['-f', '--', target], limit)),
    // The namespace goes with its only process, and the mount with that.
    async tryOut(form, limit) {
      const trial = ['unshare', '--mount', 'mount', ...mountWords(form), TRIAL_TARGET] as const
      const [program, ...args] = runBy(outside, limit.timeoutMs, trial)
      return answerOf(await commands.run(program, args, limit))
    },
  }
}

/** As a service of a moment (systemd-run(1)), which needs no bus: it settles when the command has ended. */
const BY_SYSTEMD = ['systemd-run', '--quiet', '--collect', '--property=Type=oneshot'] as const

/**
 * Whether this is a service to which systemd gave a view of the mounts of its own (ProtectSystem=, PrivateTmp=): it
 * sees what others mount, and nobody sees what it mounts.
 */
function isShutIn(root: string): boolean {
  // systemd.exec(5). Others with a view of their own have it for a reason.
  if (root !== '/' || process.ppid !== 1 || process.env.INVOCATION_ID === undefined) return false
  try {
    return readlinkSync('/proc/self/ns/mnt') !== readlinkSync('/proc/1/ns/mnt')
  } catch {
    // Without the right to look at it there is none to mount either.
    return false
  }
}

type CommandLine = readonly [string, ...string[]]

function runBy(starter: CommandLine | null, limitMs: number, command: CommandLine): CommandLine {
  // What it starts does not end with it.
  return starter === null
    ? command
    : [...starter, `--property=TimeoutStartSec=${Math.ceil(limitMs)}ms`, '--', ...command.map(literally)]
}

/** It puts variables into what it starts (systemd.service(5)). */
function literally(word: string): string {
  return word.replaceAll('$', '$$$$')
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
async function unmountPatiently(
  umount: (...words: string[]) => Promise<CommandResult | null>,
  target: string,
  isThere: () => boolean,
): Promise<void> {
  const giveUpAt = performance.now() + BUSY_LIMIT_MS
  for (;;) {
    const result = await umount()
    if (!isThere()) return
    if (result === null) throw new AgentError('unsupported', 'there is no umount', 'install util-linux')
    if (result.isOverdue || performance.now() > giveUpAt) break
    await new Promise(resolve => setTimeout(resolve, BUSY_AGAIN_MS))
  }
  await umount('-f', '-l')
  if (isThere())
    throw new AgentError(
      'failed',
      `cannot unmount ${target}: it is in use`,
      `fuser -vm ${target} tells by whom`,
    )
}
