import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

/** A folder that lives no longer than this process, however that ends. */
export class Exchange implements AsyncDisposable {
  readonly path: string
  readonly #remover: ReturnType<typeof startRemover>

  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `rs-agent-${name}-`))
    this.#remover = startRemover(this.path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#remover.stdin.end()
    await this.#remover
  }
}

// Its stdin ends with this process at the latest. Signals are for the processes that it outlives.
function startRemover(path: string) {
  return execa('sh', ['-c', 'trap "" INT HUP TERM; read -r _; rm -rf "$0"', path], {
    reject: false,
    cleanup: false,
  })
}
