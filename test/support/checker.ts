import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Outcome } from '../../agent/director/health/check.ts'
import type { HealthCall, Tried, Usage } from '../kernel/health-process.ts'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'

type Try = Omit<HealthCall & { call: 'try' }, 'call' | 'check' | 'target'>

export interface CheckerOptions {
  /** How many it may have open at most. */
  descriptors?: number
  env?: Record<string, string>
  /** A command that starts the one behind it. */
  through?: readonly string[]
}

/** A process on a host that makes health checks. */
export class Checker implements AsyncDisposable {
  readonly #process: Spawned
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #lastId = 0

  static async start(
    host: Host,
    { descriptors = 1024, env = {}, through = [] }: CheckerOptions = {},
  ): Promise<Checker> {
    const limits = ['prlimit', `--nofile=${descriptors}`, '--']
    const program = fileURLToPath(new URL('../kernel/health-process.ts', import.meta.url))
    const [command = '', ...args] = [...through, ...limits, process.execPath, '--expose-gc', program]
    const spawned = host.spawn(command, args, { env })
    await firstLine(spawned)
    return new Checker(spawned)
  }

  private constructor(spawned: Spawned) {
    this.#process = spawned
    createInterface(spawned.stdout).on('line', line => {
      const { id, value } = JSON.parse(line)
      this.#waiting.get(id)?.(value)
      this.#waiting.delete(id)
    })
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the checker has no process id')
    return this.#process.pid
  }

  /** With a timeout of many seconds unless told: the machine is busy. */
  try(check: Record<string, unknown>, target: CheckTargetLike, how: Try = {}): Promise<Tried> {
    return this.#ask({ call: 'try', check: { ...PATIENT, ...check }, target: target as never, ...how })
  }

  usage(): Promise<Usage> {
    return this.#ask({ call: 'usage' })
  }

  async takeDescriptors(leave: number | null): Promise<void> {
    await this.#ask({ call: 'takeDescriptors', leave })
  }

  /** What is open stays open: the limit says how many there may be when another is opened. */
  async limitDescriptors(soft: number): Promise<void> {
    await execa('prlimit', ['--pid', String(this.pid), `--nofile=${soft}:`])
  }

  async setClock(byMs: number): Promise<void> {
    await this.#ask({ call: 'setClock', byMs })
  }

  async standStill(forMs: number): Promise<void> {
    await this.#ask({ call: 'standStill', forMs })
  }

  #ask<Value>(call: HealthCall): Promise<Value> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, value => resolve(value as Value))
      void this.#process.then(({ exitCode, stderr }) =>
        reject(new Error(`the checker has ended: exit code ${exitCode}: ${stderr}`)),
      )
      this.#process.stdin.write(`${JSON.stringify({ id, ...call })}\n`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.end()
    await this.#process
  }
}

const PATIENT = { interval: '20s', timeout: '15s' }

const BUSY = /^this host was held up|^\w+ waited too long for other commands/

/** Tries again where this machine was too busy to ask: such a try says nothing of the one who was asked. */
export async function patiently(
  checker: Checker,
  check: Record<string, unknown>,
  target: CheckTargetLike,
): Promise<Outcome> {
  for (;;) {
    const { outcome } = await checker.try(check, target)
    if (outcome.kind !== 'unknown' || !BUSY.test(outcome.why)) return outcome
  }
}

/** As JSON: addresses are text. */
export interface CheckTargetLike {
  address: string
  port: number
  vip: string | null
  protocol: 'tcp' | 'udp' | 'sctp'
  nic: string
}
