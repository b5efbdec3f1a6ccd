import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildInitramfs } from './initramfs.ts'
import { findKernel, type Kernel, type KernelName } from './kernel.ts'
import { type Machine, startMachine } from './machine.ts'

export interface RunOptions {
  env?: Record<string, string>
  /** Folder in the guest, `/` unless told. */
  cwd?: string
  /** The guest is killed when the command takes longer, 60 s unless told: it is slow. */
  timeoutMs?: number
}

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
  const exchange = mkdtempSync(join(tmpdir(), `rs-agent-guest-${options.kernel}-`))
  exchanges.add(exchange)
  writeFileSync(join(exchange, 'modules'), kernel.modules)
  buildInitramfs(kernel, exchange)
  const machine = startMachine({ kernel, exchange, firstProgram: serve })
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
  readonly booted: Promise<unknown>
  readonly #machine: Machine
  readonly #answers = new Map<string, () => void>()
  readonly #died: Promise<never>
  #jobs = 0

  constructor(kernel: Kernel, exchange: string, machine: Machine) {
    this.kernel = kernel
    this.exchange = { outside: exchange, inside: '/run/lab' }
    this.#machine = machine
    this.#died = machine.ended.then(how => {
      throw this.#failure(`ended (${how})`)
    })
    // Heard by the command that runs then, if one does.
    this.#died.catch(() => {})
    createInterface({ input: machine.answers }).on('line', line => this.#answers.get(line)?.())
    this.booted = this.#answered('ready', bootLimitMs)
  }

  /** Runs a program to its end, whatever its exit code. Several may run at once. */
  async run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    const job = `job${++this.#jobs}`
    const folder = join(this.exchange.outside, job)
    mkdirSync(folder)
    writeFileSync(join(folder, 'command'), scriptOf([command, ...args], options))
    const answered = this.#answered(job, options.timeoutMs ?? 60_000)
    this.#machine.ask(job)
    await answered
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    return { exitCode: Number(read('exit-code')), stdout: read('stdout'), stderr: read('stderr') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#machine.kill()
    await this.#machine.ended
    removeExchange(this.exchange.outside)
  }

  async #answered(line: string, limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#failure(`gave no answer for ${limitMs / 1000} s`))
        this.#machine.kill()
      }, limitMs)
    })
    try {
      await Promise.race([new Promise<void>(resolve => this.#answers.set(line, resolve)), late, this.#died])
    } finally {
      clearTimeout(timer)
      this.#answers.delete(line)
    }
  }

  #failure(what: string): Error {
    const lines = this.#machine.console().trim().split('\n').slice(-40)
    return new Error(`the guest (Linux ${this.kernel.release}) ${what}; its console:\n${lines.join('\n')}`)
  }
}

// Seconds, where nothing else runs.
const bootLimitMs = 120_000

const serve = fileURLToPath(new URL('./serve.sh', import.meta.url))

function scriptOf(words: readonly string[], { env = {}, cwd = '/' }: RunOptions): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`)
  return `cd ${quoted(cwd)} || exit\n${exports.join('')}exec ${words.map(quoted).join(' ')}\n`
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

// A test that throws or is interrupted does not dispose: what is left goes when the process exits.
const exchanges = new Set<string>()
process.on('exit', () => exchanges.forEach(removeExchange))

function removeExchange(exchange: string): void {
  rmSync(exchange, { recursive: true, force: true })
  exchanges.delete(exchange)
}
