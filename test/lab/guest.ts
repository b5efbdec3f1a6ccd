import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Exchange } from './exchange.ts'
import { follow } from './follow.ts'
import { buildInitramfs } from './initramfs.ts'
import { findKernel, type Kernel, type KernelName } from './kernel.ts'
import { type Machine, startMachine } from './machine.ts'

export interface RunOptions {
  env?: Record<string, string>
  /** Folder in the guest, `/` unless told. */
  cwd?: string
  /** It is an error when the command takes longer by the clock outside; 5 min unless told, because all is slow. */
  timeoutMs?: number
  /** Hears what the program prints, as it does; in the order of stdout and stderr. */
  onOutput?: (name: OutputName, chunk: Buffer) => void
}

export type OutputName = 'stdout' | 'stderr'

export interface Finished {
  exitCode: number
  stdout: string
  stderr: string
}

/**
 * A machine of its own kernel that sees the files of this one, and writes to a layer in its own memory, which
 * goes with it. Needs root, to read all files. When this process ends, however it ends, the guest is gone.
 */
export async function bootGuest(options: { kernel: KernelName }): Promise<Guest> {
  const kernel = findKernel(options.kernel)
  const exchange = new Exchange(`guest-${options.kernel}`)
  try {
    writeFileSync(join(exchange.path, 'modules'), kernel.modules)
    buildInitramfs(kernel, exchange.path)
  } catch (error) {
    await exchange[Symbol.asyncDispose]()
    throw error
  }
  const machine = startMachine({ kernel, exchange: exchange.path, firstProgram: serve })
  const guest = new Guest(kernel, exchange, machine)
  try {
    await guest.booted
  } catch (error) {
    await guest[Symbol.asyncDispose]()
    throw error
  }
  return guest
}

export class Guest implements AsyncDisposable {
  readonly kernel: Kernel
  /** A folder that both sides may write: its path outside, and in the guest. */
  readonly exchange: { outside: string; inside: string }
  readonly booted: Promise<void>
  readonly #exchange: Exchange
  readonly #machine: Machine
  readonly #waiting = new Map<string, () => void>()
  readonly #died: Promise<never>
  #jobs = 0

  constructor(kernel: Kernel, exchange: Exchange, machine: Machine) {
    this.kernel = kernel
    this.exchange = { outside: exchange.path, inside: '/run/lab' }
    this.#exchange = exchange
    this.#machine = machine
    this.#died = machine.ended.then(how => {
      throw this.#failure(`ended (${how})`)
    })
    // Heard by the command that runs then, if one does.
    this.#died.catch(() => {})
    createInterface({ input: machine.answers }).on('line', line => this.#waiting.get(line)?.())
    this.booted = this.#answered('ready', bootLimitMs)
  }

  /** Runs a program to its end, whatever its exit code. Several may run at once. */
  async run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    const job = `job${++this.#jobs}`
    const folder = join(this.exchange.outside, job)
    mkdirSync(folder)
    writeFileSync(join(folder, 'command'), scriptOf([command, ...args], options))
    const answered = this.#answered(job, options.timeoutMs ?? 300_000)
    this.#machine.ask(job)
    await (options.onOutput === undefined ? answered : follow(folder, options.onOutput, answered))
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    return { exitCode: Number(read('exit-code')), stdout: read('stdout'), stderr: read('stderr') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#machine.kill()
    await this.#machine.ended
    await this.#exchange[Symbol.asyncDispose]()
  }

  async #answered(line: string, limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(this.#failure(`gave no answer for ${limitMs / 1000} s`))
      timer = setTimeout(fail, limitMs)
    })
    const answer = new Promise<void>(resolve => this.#waiting.set(line, resolve))
    try {
      await Promise.race([answer, late, this.#died])
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(line)
    }
  }

  #failure(what: string): Error {
    const lines = this.#machine.console().trim().split('\n').slice(-40)
    return new Error(`the guest (Linux ${this.kernel.release}) ${what}; its console:\n${lines.join('\n')}`)
  }
}

// Seconds, where nothing else runs; one that dies is heard of at once.
const bootLimitMs = 300_000

const serve = fileURLToPath(new URL('./serve.sh', import.meta.url))

function scriptOf(words: readonly string[], { env = {}, cwd = '/' }: RunOptions): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`)
  return `cd ${quoted(cwd)} || exit\n${exports.join('')}exec ${words.map(quoted).join(' ')}\n`
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
