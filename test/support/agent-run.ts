import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Spawned } from './namespace.ts'

/** For what takes an idle machine milliseconds, and one that has a hundred other things to do much longer. */
export const PATIENT = { timeout: 50_000, interval: 20 }

/** A line that a `run --json` prints. */
export interface RunEvent {
  at: string
  level: 'info' | 'warning'
  subject: string
  message: string
}

/** A command of rs-agent that goes on until a signal, and what it says. */
export class AgentRun implements AsyncDisposable {
  readonly #process: Spawned
  readonly #events: RunEvent[] = []
  #unheard = 0
  #wake = Promise.withResolvers<void>()

  constructor(spawned: Spawned) {
    this.#process = spawned
    const hear = (line: string): void => {
      // An error that ends it is a document of several lines.
      if (!line.startsWith('{"')) return
      this.#events.push(JSON.parse(line))
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    }
    createInterface({ input: spawned.stdout }).on('line', hear)
  }

  /** The next event, of those that no such call has passed yet, whose text matches. It waits for it, with patience. */
  async says(text: RegExp): Promise<RunEvent> {
    const patience = new AbortController()
    const tooLate = sleep(PATIENT.timeout, undefined, { signal: patience.signal, ref: false }).then(() => {
      throw new Error(`it does not say ${text}; it has said:\n${this.said.slice(-20).join('\n')}`)
    })
    tooLate.catch(() => undefined)
    try {
      return await this.#hears(text, tooLate)
    } finally {
      patience.abort()
    }
  }

  async #hears(text: RegExp, tooLate: Promise<never>): Promise<RunEvent> {
    const ended = this.#process.then(({ exitCode, stderr }) => {
      throw new Error(`the run ended with ${exitCode}: ${stderr}`)
    })
    // It may end when nobody waits for it any more.
    ended.catch(() => undefined)
    for (;;) {
      while (this.#unheard < this.#events.length) {
        const event = this.#events[this.#unheard++]
        if (event && text.test(textOf(event))) return event
      }
      await Promise.race([this.#wake.promise, ended, tooLate])
    }
  }

  /** All that it has said so far. */
  get said(): string[] {
    return this.#events.map(textOf)
  }

  /** Of all that it has said so far. */
  get warnings(): string[] {
    return this.#events.filter(({ level }) => level === 'warning').map(textOf)
  }

  /** Of the agent itself, or of what has started it and is its parent; undefined where that could not be started. */
  get firstPid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves when it has ended, for whatever reason. */
  async ended(): Promise<{ exitCode: number | undefined; stderr: string }> {
    const { exitCode, stderr } = await this.#process
    return { exitCode, stderr }
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Its exit code; undefined when the signal killed it. */
  async end(name: NodeJS.Signals): Promise<number | undefined> {
    this.#process.kill(name)
    return (await this.#process).exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}

function textOf({ subject, message }: RunEvent): string {
  return `${subject} ${message}`.trim()
}
