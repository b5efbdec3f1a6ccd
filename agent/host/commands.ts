import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { AgentError, hasErrno } from '../errors.ts'

/** What a command of the host's own said. */
export interface CommandResult {
  /** Null: it was ended by a signal, or never began. */
  exitStatus: number | null
  stdout: string
  /** For people, without its last newline. */
  stderr: string
  /** It did not end in time, and was killed, or given up where even that did not end it. */
  isOverdue: boolean
}

export interface CommandOptions {
  /** One that takes longer is killed, with all that it started. */
  timeoutMs: number
  /** How long it may then take to end by itself, asked by SIGTERM. */
  graceMs?: number
  env?: Record<string, string>
  /** Each line of its output, of either stream, as it comes. */
  onLine?: (line: string) => void
}

/** The commands of the host: its service starter, its web server's own check, its mount(8). Without a shell. */
export interface Commands {
  /** Null where there is no such program. */
  run(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult | null>
}

/** Those below `root`: of another file system than this one's they are run in it, by chroot(2). */
export function commandsBelow(root: string): Commands {
  return {
    async run(command, args, { timeoutMs, graceMs = 0, env = {}, onLine }) {
      // Not at the top: it costs more than all else that a run with nothing to do loads.
      const { execa } = await import('execa')
      const [program, ...words] = root === '/' ? [command, ...args] : ['chroot', root, command, ...args]
      const running = execa(program ?? command, words, {
        // Words for programs, not for people; and where a login shell of root's would find them.
        env: { LC_ALL: 'C.UTF-8', PATH: SEARCH_PATH, ...env },
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
        // A process group of its own: mount(8) waits for mount.nfs, which must not go on without it.
        detached: true,
      })
      if (onLine !== undefined)
        for (const input of [running.stdout, running.stderr]) createInterface({ input }).on('line', onLine)
      const limit = limitOf(running.nodeChildProcess, { timeoutMs, graceMs })
      const ended = await Promise.race([running, limit.abandoned])
      limit.clear()
      if (ended === null) return { exitStatus: null, stdout: '', stderr: '', isOverdue: true }
      const { exitCode, stdout, stderr, code } = ended
      if (code === 'ENOENT' || (root !== '/' && exitCode === NOT_FOUND)) return null
      return { exitStatus: exitCode ?? null, stdout, stderr, isOverdue: limit.isOver() }
    },
  }
}

/** What a killed process needs to be gone; one that waits for a dead server in the kernel may never be. */
const GONE_LIMIT_MS = 500

/** Kills all that a command started when its time is over, and gives it up when it does not go. */
function limitOf(
  running: ChildProcess,
  { timeoutMs, graceMs }: Required<Pick<CommandOptions, 'timeoutMs' | 'graceMs'>>,
) {
  let isOver = false
  let timer: NodeJS.Timeout
  const abandoned = new Promise<null>(resolve => {
    const abandon = (): void => {
      // Nothing of it shall keep this process alive.
      running.unref()
      for (const stream of [running.stdout, running.stderr]) stream?.destroy()
      resolve(null)
    }
    const kill = (): void => {
      signalGroup(running.pid, 'SIGKILL')
      timer = setTimeout(abandon, GONE_LIMIT_MS)
    }
    timer = setTimeout(() => {
      isOver = true
      if (graceMs === 0) return kill()
      signalGroup(running.pid, 'SIGTERM')
      timer = setTimeout(kill, graceMs)
    }, timeoutMs)
  })
  return { abandoned, isOver: () => isOver, clear: () => clearTimeout(timer) }
}

function signalGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!hasErrno(error, 'ESRCH')) throw error
  }
}

/** As login.defs has it for root. */
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** What chroot(1) ends with where the program is not there. */
const NOT_FOUND = 127

/** Runs a command that must succeed; throws with its last words. */
export async function mustRun(
  commands: Commands,
  [command, ...args]: readonly [string, ...string[]],
  { hint, ...options }: CommandOptions & { hint: string },
): Promise<string> {
  const line = [command, ...args].join(' ')
  const result = await commands.run(command, args, options)
  if (result === null)
    throw new AgentError('unsupported', `cannot run ${command}: there is no such program`, hint)
  if (result.isOverdue)
    throw new AgentError('failed', `${line} did not end within ${options.timeoutMs / 1000} s`, hint)
  if (result.exitStatus !== 0) throw new AgentError('failed', `${line}: ${lastWordsOf(result)}`, hint)
  return result.stdout
}

const WORDS_LENGTH = 400

/** The end of what it said, where the reason usually is, in one line. */
export function lastWordsOf({ exitStatus, stdout, stderr }: CommandResult): string {
  const lines = (stderr.trim() === '' ? stdout : stderr).split('\n').map(line => line.trim())
  const words = lines.filter(line => line !== '').join('; ')
  return words === '' ? `exit status ${exitStatus}` : words.slice(-WORDS_LENGTH)
}
