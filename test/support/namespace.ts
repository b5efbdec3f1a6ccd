import { execa } from 'execa'
import { firstLine } from './first-line.ts'

export interface SpawnOptions {
  /** What the program reads on stdin. Without it stdin stays open, for programs that are spoken to. */
  input?: string
  env?: Record<string, string>
}

type Holder = ReturnType<typeof startHolder>
export type Spawned = ReturnType<typeof enter>

/**
 * A network namespace without a name: it lives as long as its holder process, and the holder is killed by the
 * kernel when this process ends, however it ends. So a test that is killed -9 leaves no namespace behind.
 */
export class Namespace implements AsyncDisposable {
  readonly pid: number
  readonly #holder: Holder
  readonly #running = new Set<Spawned>()

  /** Needs root (CAP_SYS_ADMIN). */
  static async open(): Promise<Namespace> {
    const holder = startHolder()
    await firstLine(holder)
    return new Namespace(holder)
  }

  private constructor(holder: Holder) {
    if (holder.pid === undefined) throw new Error('the holder of a network namespace has no process id')
    this.pid = holder.pid
    this.#holder = holder
  }

  /** Starts a program in this namespace. Its promise does not reject: look at `exitCode`. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Spawned {
    const spawned = enter(this.pid, command, args, options)
    this.#running.add(spawned)
    void spawned.finally(() => this.#running.delete(spawned))
    return spawned
  }

  /** Runs a program to its end and gives its stdout; an exit code other than 0 is an error. */
  async run(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.spawn(command, args, { input: '', ...options })
    if (exitCode !== 0) throw new Error(`${[command, ...args].join(' ')}: exit code ${exitCode}: ${stderr}`)
    return stdout
  }

  /** `ip` commands without the word ip, all in one process: `ns.ip('link set lo up', 'addr add …')`. */
  async ip(...commands: string[]): Promise<void> {
    await this.run('ip', ['-batch', '-'], { input: `${commands.join('\n')}\n` })
  }

  /** `path` is below /proc/sys/net, by component, because a NIC's name may hold a dot. */
  async readSysctl(path: string): Promise<string> {
    return (await this.run('cat', [`/proc/sys/net/${path}`])).trim()
  }

  /** Writes one value to every path, in one process. */
  async writeSysctl(paths: string | readonly string[], value: number): Promise<void> {
    const files = [paths].flat().map(path => `/proc/sys/net/${path}`)
    await this.run('tee', files, { input: `${value}\n` })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const processes = [...this.#running, this.#holder]
    for (const each of processes) each.kill('SIGKILL')
    await Promise.all(processes)
  }
}

// The parent's id is compared because a parent that died before the death signal was set sends none.
const holdWhileParentLives = '[ "$PPID" = "$0" ] && echo ready && exec sleep infinity'

function startHolder() {
  const shell = ['sh', '-c', holdWhileParentLives, String(process.pid)]
  return execa('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', ...shell], {
    stdin: 'ignore',
    reject: false,
  })
}

function enter(pid: number, command: string, args: readonly string[], options: SpawnOptions) {
  return startForThisProcess('nsenter', [`--net=/proc/${pid}/ns/net`, '--', command, ...args], options)
}

/** Starts a program that the kernel kills when this process ends, however it ends. Its promise does not reject. */
export function startForThisProcess(command: string, args: readonly string[], options: SpawnOptions) {
  return execa('setpriv', ['--pdeathsig', 'KILL', command, ...args], { ...options, reject: false })
}
