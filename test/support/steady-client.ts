import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'

/** What a client asks for: `GET path` of `address`, port 80 unless told. */
export interface Page {
  address: string
  port?: number
  path?: string
}

export interface Tally {
  /** How many answers with status 200 each real server gave, by the name that `startApache` has it tell. */
  answers: Record<string, number>
  /** How often each page was among them, by its first line. */
  pages: Record<string, number>
  /** Why the others failed, and how often. */
  failures: Record<string, number>
  /** Of the pages, without their headers. */
  receivedBytes: number
  slowestMs: number
}

export type ClientOrder =
  | { order: 'fetch'; page: Page; times: number }
  | { order: 'start'; page: Page; pauseMs: number }
  | { order: 'start-at-pace'; page: Page; everyMs: number; limitMs: number }
  | { order: 'stop' }
  | { order: 'connect'; page: Page }
  | { order: 'ask' }

/**
 * A client of the cluster in one process, because to start a program costs more than a hundred pages. Each page is
 * fetched on a connection of its own; there is no second try.
 */
export class SteadyClient {
  readonly #process: Spawned
  readonly #answers: AsyncIterator<string>

  /** It ends with the host. */
  static async start(host: Host): Promise<SteadyClient> {
    const child = host.spawn(process.execPath, [program])
    await firstLine(child)
    return new SteadyClient(child)
  }

  private constructor(child: Spawned) {
    this.#process = child
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** One page after the other. */
  fetch(page: Page, times: number): Promise<Tally> {
    return this.#tell({ order: 'fetch', page, times })
  }

  /** Fetches page after page while the task runs, with a pause between them where the task needs the processor. */
  async fetchDuring(
    page: Page,
    task: () => Promise<unknown>,
    { pauseMs = 0 }: { pauseMs?: number } = {},
  ): Promise<Tally> {
    await this.#tell({ order: 'start', page, pauseMs })
    return this.#untilDone(task)
  }

  /** As many pages in every second, however long each takes; one that takes longer than the limit has failed. */
  async fetchAtPace(
    page: Page,
    task: () => Promise<unknown>,
    pace: { everyMs: number; limitMs: number },
  ): Promise<Tally> {
    await this.#tell({ order: 'start-at-pace', page, ...pace })
    return this.#untilDone(task)
  }

  async #untilDone(task: () => Promise<unknown>): Promise<Tally> {
    let tally: Tally
    try {
      await task()
    } finally {
      tally = await this.#tell<Tally>({ order: 'stop' })
    }
    return tally
  }

  /** Opens a connection and asks for nothing yet. */
  connect(page: Page): Promise<void> {
    return this.#tell({ order: 'connect', page })
  }

  /** Asks for the page on the connection that is open: its first line, or why there was no answer. */
  ask(): Promise<string> {
    return this.#tell({ order: 'ask' })
  }

  async #tell<Answer>(order: ClientOrder): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#answers.next()
    if (!done) return JSON.parse(value)
    const { exitCode, stderr } = await this.#process
    throw new Error(`the client has ended: exit code ${exitCode}: ${stderr}`)
  }
}

const program = fileURLToPath(new URL('./steady-client-process.ts', import.meta.url))
