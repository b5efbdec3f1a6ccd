import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceView } from '../../agent/service/endpoint/view.ts'
import type { EndpointPlan } from '../kernel/endpoint-process.ts'
import { firstLine } from './first-line.ts'
import { startForThisProcess } from './namespace.ts'

const program = fileURLToPath(new URL('../kernel/endpoint-process.ts', import.meta.url))
export const ANY_PORT = { host: '127.0.0.1', port: 0 }

/** A process that tells how a host is, as the test says. */
export class EndpointProcess implements AsyncDisposable {
  /** As it printed it: where it listens. */
  readonly address: string
  readonly #process: ReturnType<typeof startForThisProcess>
  readonly #folder: string
  readonly #viewFile: string

  /** Rejects with what it printed when it cannot listen there. */
  static async start(view: ServiceView, place: EndpointPlan['place'] = ANY_PORT): Promise<EndpointProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'rs-agent-endpoint-'))
    const viewFile = join(folder, 'view')
    writeFileSync(viewFile, JSON.stringify(view))
    const started = startForThisProcess(process.execPath, [program, JSON.stringify({ place, viewFile })], {})
    try {
      return new EndpointProcess(started, await firstLine(started), folder)
    } catch (error) {
      rmSync(folder, { recursive: true })
      throw error
    }
  }

  private constructor(started: ReturnType<typeof startForThisProcess>, address: string, folder: string) {
    this.#process = started
    this.address = address
    this.#folder = folder
    this.#viewFile = join(folder, 'view')
  }

  get url(): string {
    return `http://${this.address}`
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  /** What it tells from now on. */
  tell(view: ServiceView): void {
    this.#write(JSON.stringify(view))
  }

  /** From now on it cannot find out. */
  failWith(words: string): void {
    this.#write(words)
  }

  #write(text: string): void {
    writeFileSync(`${this.#viewFile}.new`, text)
    renameSync(`${this.#viewFile}.new`, this.#viewFile)
  }

  /** Gives its exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | undefined> {
    this.#process.kill(signal)
    return (await this.#process).exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
