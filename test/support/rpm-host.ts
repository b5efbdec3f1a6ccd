import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { type Commands, commandsBelow } from '../../agent/host/commands.ts'
import { firstLine } from './first-line.ts'
import { type Spawned, type SpawnOptions, startForThisProcess } from './namespace.ts'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))
const SCRIPT = fileURLToPath(new URL('./rpm-disk.sh', import.meta.url))
const OS_RELEASES = {
  fedora: 'ID=fedora',
  opensuse: 'ID="opensuse-leap"\nID_LIKE="suse opensuse"',
}
/** Where it lies in its own mount namespace. */
const ROOT = '/run/root'
/** Where its packages come from. */
const REPOSITORY = '/srv/rpm'

/**
 * The files of a host whose packages are those of rpm, with real dnf and zypper and a repository of small packages
 * (rpm-packages.sh). Nothing of it is seen outside; with this process it is gone, with all that runs from it.
 */
export class RpmHost implements AsyncDisposable {
  /** As rs-agent runs the host's own commands. */
  readonly commands: Commands
  readonly #pid: string
  readonly #holder: ReturnType<typeof startHolder>

  /** Needs root, and what rpm-root.sh makes. */
  static async make(distribution: keyof typeof OS_RELEASES): Promise<RpmHost> {
    if (!existsSync(`${CACHE}/rpm`))
      throw new Error("the lab's dnf and zypper are not there: sh test/support/setup.sh tests")
    const holder = startHolder(OS_RELEASES[distribution])
    return new RpmHost(holder, await firstLine(holder))
  }

  private constructor(holder: ReturnType<typeof startHolder>, pid: string) {
    this.#holder = holder
    this.#pid = pid
    const here = commandsBelow('/')
    this.commands = {
      async run(command, args, options) {
        const result = await here.run('nsenter', insideOf(pid, [command, ...args]), options)
        // What nsenter ends with where the program is not there.
        return result?.exitStatus === 127 ? null : result
      },
    }
  }

  /** Starts a program of its own, as root. Its promise does not reject: look at `exitCode`. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Spawned {
    // Once more inside: nsenter is the parent of what runs in a namespace of processes.
    const inside = insideOf(this.#pid, ['setpriv', '--pdeathsig', 'KILL', command, ...args])
    return startForThisProcess('nsenter', inside, options)
  }

  /** Runs a shell script to its end and gives its stdout; an exit code other than 0 is an error. */
  async run(script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.spawn('sh', ['-euc', script], { input: '', env: LOCALE })
    if (exitCode === 0) return stdout
    throw new Error(`${script}: exit code ${exitCode}: ${stdout}${stderr}`)
  }

  /** The names of all that is installed, by rpm. */
  async installed(): Promise<string[]> {
    return (await this.run("rpm -qa --qf '%{NAME}\\n'")).split('\n').toSorted()
  }

  /** A command line that runs rs-agent for it, in whatever network namespace it is started. */
  agent(...args: string[]): [string, ...string[]] {
    const namespaces = [`--mount=/proc/${this.#pid}/ns/mnt`, `--pid=/proc/${this.#pid}/ns/pid`]
    return ['nsenter', ...namespaces, '--', process.execPath, PROGRAM, '--root', ROOT, ...args]
  }

  /** As if the repository were not to be reached; until the promise's function is called. */
  async loseRepository(): Promise<() => Promise<void>> {
    await this.run(`mv ${REPOSITORY} ${REPOSITORY}.away`)
    return async () => void (await this.run(`mv ${REPOSITORY}.away ${REPOSITORY}`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.stdin.end()
    await this.#holder
  }
}

const LOCALE = { LC_ALL: 'C.UTF-8' }

function insideOf(pid: string, command: readonly string[]): string[] {
  const namespaces = [`--mount=/proc/${pid}/ns/mnt`, `--pid=/proc/${pid}/ns/pid`]
  const root = `/proc/${pid}/root${ROOT}`
  return [...namespaces, `--root=${root}`, `--wd=${root}`, '--', ...command]
}

// Signals are for the processes that it outlives: its stdin ends with this process at the latest.
function startHolder(osRelease: string) {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child']
  return execa('unshare', [...namespaces, 'sh', SCRIPT, CACHE, osRelease], { reject: false, cleanup: false })
}
