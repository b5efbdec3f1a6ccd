import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'

/** page-server.c on a host: a small page on port 80 of all its addresses. */
export class PageServer {
  readonly #process: Spawned
  readonly #lines: AsyncIterator<string>

  /** It ends with the host. */
  static async start(host: Host): Promise<PageServer> {
    program ??= build()
    const server = new PageServer(host.spawn(program))
    await server.#lines.next()
    return server
  }

  private constructor(process: Spawned) {
    this.#process = process
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]()
  }

  /** How many requests it has answered since it began. */
  async answered(): Promise<number> {
    this.#process.stdin.write('\n')
    return Number((await this.#lines.next()).value)
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  get ended(): Promise<unknown> {
    return this.#process
  }
}

let program: string | undefined

function build(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rs-agent-page-server-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  const built = join(folder, 'page-server')
  const source = fileURLToPath(new URL('./page-server.c', import.meta.url))
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', built, source])
  return built
}
