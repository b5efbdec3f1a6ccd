import { createInterface } from 'node:readline'
import type { Spawned } from './namespace.ts'
import type { Agent } from './rs-agent.ts'

/** A line that `director run --json` prints. */
export interface RunEvent {
  at: string
  level: 'info' | 'warning'
  subject: string
  message: string
}

/** `rs-agent director run` on a host, and what it says. */
export class DirectorRun implements AsyncDisposable {
  readonly #process: Spawned
  readonly #events: RunEvent[] = []
  #unheard = 0
  #wake = Promise.withResolvers<void>()

  /** Resolves once it runs. */
  static async start(agent: Agent): Promise<DirectorRun> {
    const run = new DirectorRun(agent.start(['director', 'run', '--json'], { input: '' }))
    await run.says(/^running/)
    return run
  }

  private constructor(spawned: Spawned) {
    this.#process = spawned
    const hear = (line: string): void => {
      this.#events.push(JSON.parse(line))
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    }
    createInterface({ input: spawned.stdout }).on('line', hear)
  }

  /** The next event, of those that no such call has passed yet, whose text matches. It waits for it. */
  async says(text: RegExp): Promise<RunEvent> {
    const ended = this.#process.then(({ exitCode, stderr }) => {
      throw new Error(`director run ended with ${exitCode}: ${stderr}`)
    })
    // It may end when nobody waits for it any more.
    ended.catch(() => undefined)
    for (;;) {
      while (this.#unheard < this.#events.length) {
        const event = this.#events[this.#unheard++]
        if (event && text.test(`${event.subject} ${event.message}`.trim())) return event
      }
      await Promise.race([this.#wake.promise, ended])
    }
  }

  /** Of all that it has said so far. */
  get warnings(): string[] {
    return this.#events
      .filter(({ level }) => level === 'warning')
      .map(({ subject, message }) => `${subject} ${message}`.trim())
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
