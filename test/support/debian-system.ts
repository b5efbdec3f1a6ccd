import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { firstLine } from './first-line.ts'
import { type Namespace, type Spawned, type SpawnOptions, startForThisProcess } from './namespace.ts'

export interface DebianIdentity {
  name: string
  /** With its prefix length, like `10.10.10.12/24`: what its own /etc/network/interfaces gives to eth0. */
  address: string
  /** Default route, an address of the segment. */
  gateway?: string
  /**
   * A folder of this machine that it has as /usr/local/lib/rs-agent, instead of the program. Then nothing comes with
   * it that runs the program, either.
   */
  packages?: string
}

/** What a Debian host keeps when it is switched off: its file system. */
export class DebianDisk implements AsyncDisposable {
  /** Of the process in whose mount namespace it is. */
  readonly pid: number
  /** The folder of the host's control group, in that namespace. */
  readonly group: string
  readonly packages: string | null
  readonly #holder: ReturnType<typeof startHolder>

  static async make(identity: DebianIdentity): Promise<DebianDisk> {
    if (!existsSync(CACHE)) throw new Error("the lab's Debian is not there: sh test/support/setup.sh tests")
    const holder = startHolder(identity)
    const group = await firstLine(holder)
    return new DebianDisk(holder, group, identity.packages ?? null)
  }

  private constructor(holder: ReturnType<typeof startHolder>, group: string, packages: string | null) {
    if (holder.pid === undefined) throw new Error('the holder of a disk has no process id')
    this.pid = holder.pid
    this.group = group
    this.packages = packages
    this.#holder = holder
  }

  /** To be called when nothing runs from it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.stdin.end()
    await this.#holder
  }
}

/** How a system ended; `crash` is all that is none of the others. */
export type SystemEnd = 'reboot' | 'power off' | 'crash'

/** systemd and all that it started, from one boot to its end. */
export class DebianSystem {
  /** Does not reject. */
  readonly ended: Promise<SystemEnd>
  readonly #boot: Spawned
  /** The process id of systemd, as it is outside. */
  readonly #init: string

  /** Settles when systemd has started all that it starts at boot. */
  static async boot(disk: DebianDisk, network: Namespace): Promise<DebianSystem> {
    const boot = startBoot(disk, network)
    const system = new DebianSystem(boot, await firstLine(boot))
    try {
      await system.#settled()
    } catch (error) {
      await system.kill()
      throw error
    }
    return system
  }

  private constructor(boot: Spawned, init: string) {
    this.#boot = boot
    this.#init = init
    // With these signals the kernel ends a namespace of processes whose first one calls reboot(2).
    this.ended = boot.then(({ signal }) => {
      if (signal === 'SIGHUP') return 'reboot'
      return signal === 'SIGINT' ? 'power off' : 'crash'
    })
  }

  /** Starts a program as root, with a login's environment. A signal to it ends the program by SIGKILL. */
  spawn(command: string, args: readonly string[] = [], { env, ...rest }: SpawnOptions = {}): Spawned {
    const environment = Object.entries({ ...ENVIRONMENT, ...env }).map(([name, value]) => `${name}=${value}`)
    // Once more inside: nsenter is the parent of what runs in a namespace of processes.
    const inside = ['setpriv', '--pdeathsig', 'KILL', 'env', '-i', ...environment, command, ...args]
    return startForThisProcess('nsenter', ['--all', `--target=${this.#init}`, '--', ...inside], rest)
  }

  /** At once, as if the plug were pulled. */
  async kill(): Promise<void> {
    this.#boot.kill('SIGKILL')
    await this.ended
  }

  async #settled(): Promise<void> {
    let end: SystemEnd | undefined
    void this.ended.then(how => {
      end = how
    })
    for (;;) {
      // Says so when all units have been started; says that it cannot connect while systemd does not listen yet.
      const { stdout, stderr } = await this.spawn('systemctl', ['is-system-running', '--wait'], { input: '' })
      if (stdout === 'running' || stdout === 'degraded') return
      if (stdout === 'maintenance')
        throw new Error('systemd could not start what it needs, and waits for help')
      if (end) throw new Error(`systemd came to a ${end} at boot: ${stderr} ${(await this.#boot).stderr}`)
      await sleep(20)
    }
  }
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab/debian', import.meta.url))
const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
}

// Signals are for the processes that it outlives: its stdin ends with this process at the latest.
function startHolder({ name, address, gateway }: DebianIdentity) {
  const identity = [name, address, ...(gateway === undefined ? [] : [gateway])]
  return execa('unshare', ['--mount', 'sh', scriptOf('disk'), CACHE, ...identity], {
    reject: false,
    cleanup: false,
  })
}

function startBoot(disk: DebianDisk, network: Namespace): Spawned {
  const namespaces = [`--mount=/proc/${disk.pid}/ns/mnt`, `--net=/proc/${network.pid}/ns/net`]
  const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--uts', '--ipc']
  // The first process enters the group before the group becomes the root of those that it sees.
  const join = ['sh', '-euc', 'echo 0 >"$0/cgroup.procs"; exec unshare --cgroup sh "$@"', disk.group]
  const programs = disk.packages === null ? [DIST, process.execPath] : [disk.packages]
  const boot = [scriptOf('boot'), CACHE, ...programs]
  return startForThisProcess('nsenter', [...namespaces, ...unshare, ...join, ...boot], { input: '' })
}

function scriptOf(name: 'disk' | 'boot'): string {
  return fileURLToPath(new URL(`./debian-${name}.sh`, import.meta.url))
}
