import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'

export interface Request {
  url: string
  method?: string
  headers?: Record<string, string>
  body?: string
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

/** What many clients did since they were asked last. */
export interface Traffic {
  /** Answers with the status and the length that were due. */
  answers: number
  /** How many requests went out on a connection that was kept from an earlier one. */
  reused: number
  /** Why the others failed, and how often. */
  failures: Record<string, number>
}

export interface Load {
  /** In turn, from each client. */
  requests: readonly Request[]
  clients: number
}

export type KeepAliveOrder =
  | { order: 'ask'; request: Request }
  | ({ order: 'start' } & Load)
  | { order: 'look' }
  | { order: 'stop' }
  | { order: 'begin-download'; url: string }
  | { order: 'end-download' }

/** Clients in one process, which keep their connections as long as the server does. None tries twice. */
export class KeepAliveClient {
  readonly #process: Spawned
  readonly #answers: AsyncIterator<string>

  /** It ends with the host. */
  static async start(host: Host): Promise<KeepAliveClient> {
    const child = host.spawn(process.execPath, [program])
    await firstLine(child)
    return new KeepAliveClient(child)
  }

  private constructor(child: Spawned) {
    this.#process = child
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** On a connection of its own, which the server may keep. */
  ask(request: Request): Promise<Answer> {
    return this.#tell({ order: 'ask', request })
  }

  start(load: Load): Promise<void> {
    return this.#tell({ order: 'start', ...load })
  }

  look(): Promise<Traffic> {
    return this.#tell({ order: 'look' })
  }

  /** What was done since the last look, to the last answer that is under way. */
  stop(): Promise<Traffic> {
    return this.#tell({ order: 'stop' })
  }

  /** Ends once the first bytes are there; the rest is not read. */
  beginDownload(url: string): Promise<void> {
    return this.#tell({ order: 'begin-download', url })
  }

  /** Reads the rest: how many bytes the whole body had. */
  endDownload(): Promise<number> {
    return this.#tell({ order: 'end-download' })
  }

  async #tell<Result>(order: KeepAliveOrder): Promise<Result> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#answers.next()
    if (!done) return JSON.parse(value)
    const { exitCode, stderr } = await this.#process
    throw new Error(`the client has ended: exit code ${exitCode}: ${stderr}`)
  }
}

/** Looks every now and then, and judges what was done between two looks; a request that failed is an error. */
export async function untilTraffic(
  client: KeepAliveClient,
  isEnough: (traffic: Traffic) => boolean,
): Promise<void> {
  const seen = expect.poll(
    async () => {
      const traffic = await client.look()
      expect(traffic.failures).toEqual({})
      return isEnough(traffic)
    },
    { interval: 300, timeout: 20_000 },
  )
  await seen.toBe(true)
}

const program = fileURLToPath(new URL('./keep-alive-client-process.ts', import.meta.url))
