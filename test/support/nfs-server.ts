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
  static async start(host: Host): Promise<NfsServer> {
    const folder = mkdtempSync(join(tmpdir(), `rs-agent-nfs-${host.name}-`))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    chmodSync(folder, 0o755)
    const server = host.spawn('unshare', ['--mount', 'sh', script, folder], {
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

  /** What a client mounts. */
  get share(): string {
    return `${this.#host.address}:/`
  }

  /** Puts a file into the export, in one step for those who read it. */
  async write(name: string, text: string): Promise<void> {
    const file = `${this.#folder}/${name}`
    const inside = ['--mount', `--target=${this.#process.pid}`, '--', 'sh', '-c']
    await this.#host.run('nsenter', [...inside, 'cat >"$0.new" && mv "$0.new" "$0"', file], { input: text })
  }
}

const script = fileURLToPath(new URL('./nfs-server.sh', import.meta.url))
