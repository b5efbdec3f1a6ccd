import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'
import { unpackedEnvironment } from './unpacked-tools.ts'

/** The kernel's NFS server on a host, with one export, in memory: what real servers mount as their document root. */
export class NfsServer {
  readonly #host: Host
  readonly #process: Spawned
  readonly #folder: string

  /** Needs a kernel with nfsd, as a module or built in. It ends with the host. */
  static async start(host: Host, { version = 4 }: { version?: 3 | 4 } = {}): Promise<NfsServer> {
    const folder = mkdtempSync(join(tmpdir(), `rs-agent-nfs-${host.name}-`))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    chmodSync(folder, 0o755)
    const server = host.spawn('unshare', ['--mount', 'sh', script, folder, String(version)], {
      env: unpackedEnvironment('nfs'),
    })
    await firstLine(server)
    return new NfsServer(host, server, folder)
  }

  private constructor(host: Host, process: Spawned, folder: string) {
    this.#host = host
    this.#process = process
    this.#folder = folder
  }

  /** What a client mounts by NFSv4. */
  get share(): string {
    return `${this.#host.address}:/`
  }

  /** The path of the export on the server, by which NFSv3 knows it. */
  get folder(): string {
    return this.#folder
  }

  /** Puts a file into the export, in one step for those who read it. */
  async write(name: string, text: string): Promise<void> {
    await this.#run('cat >"$0.new" && mv "$0.new" "$0"', `${this.#folder}/${name}`, text)
  }

  /** A folder of the export, empty; one that was there is gone, and whoever has it mounted has a stale handle. */
  async makeFolder(name: string): Promise<void> {
    await this.#run('rm -rf "$0" && mkdir -p "$0"', `${this.#folder}/${name}`)
  }

  /** Exports all of it, in place of what was exported before, to these clients. */
  async export(access: 'ro' | 'rw', { to = '*' }: { to?: string } = {}): Promise<void> {
    const options = `${access},fsid=0,no_subtree_check,no_root_squash,insecure`
    await this.#run(`exportfs -ua && exportfs -i -o ${options} "${to}:$0"`, this.#folder)
  }

  /** Nobody may see it any more. */
  async unexport(): Promise<void> {
    await this.#run('exportfs -ua')
  }

  /** The host is there, and no server. */
  async stop(): Promise<void> {
    await this.#run('rpc.nfsd 0')
  }

  /** After it was stopped. */
  async resume(): Promise<void> {
    await this.#run('sh /run/start')
  }

  /** It takes calls, and answers none that is about a file: nobody tells it any more who may see what. */
  async freeze(): Promise<void> {
    await this.#run('kill -STOP "$(cat /run/mountd)" && exportfs -f')
  }

  async thaw(): Promise<void> {
    await this.#run('kill -CONT "$(cat /run/mountd)"')
  }

  /** In its own view of the file system. */
  async #run(shell: string, word = '', input = ''): Promise<void> {
    const inside = ['--mount', `--target=${this.#process.pid}`, '--', 'sh', '-c']
    await this.#host.run('nsenter', [...inside, shell, word], { input, env: unpackedEnvironment('nfs') })
  }
}

const script = fileURLToPath(new URL('./nfs-server.sh', import.meta.url))
