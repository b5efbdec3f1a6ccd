import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'

/**
 * A program of this folder in a process of a host, which is spoken to by lines. It prints `{"told": …}` when it has
 * something to tell, and answers a call `{"id": 1, "call": …}` by `{"id": 1, "value": …}`. Ends when its stdin does.
 */
export class SpokenProcess<Call extends { call: string }, Told> {
  /** The latest last. */
  readonly told: Told[] = []
  readonly #process: Spawned
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #calls = 0

  /** `launcher` is a command that starts the program, like `prlimit`. */
  constructor(host: Host, program: string, launcher: readonly string[] = []) {
    const file = fileURLToPath(new URL(program, import.meta.url))
    const [command = '', ...args] = [...launcher, process.execPath, '--expose-gc', file]
    this.#process = host.spawn(command, args)
    createInterface(this.#process.stdout).on('line', line => {
      const { id, value, told } = JSON.parse(line)
      if (told === undefined) this.#waiting.get(id)?.(value)
      else this.told.push(told)
    })
  }

  /** Resolves with the answer; rejects when the process ends. */
  async ask<Answer = unknown>(call: Call): Promise<Answer> {
    const id = this.#calls++
    const answered = new Promise<unknown>(resolve => this.#waiting.set(id, resolve))
    this.#process.stdin.write(`${JSON.stringify({ id, ...call })}\n`)
    const dead = this.#process.then(({ stderr }) => Promise.reject(new Error(`it ended: ${stderr}`)))
    return (await Promise.race([answered, dead])) as Answer
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(name)
  }

  /** Resolves when the process has ended by itself. */
  end(): Spawned {
    this.#process.stdin.end()
    return this.#process
  }
}
