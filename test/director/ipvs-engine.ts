import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Ipvs } from '../../agent/host/ipvs.ts'
import type { Namespace, Spawned } from '../support/namespace.ts'
import type { IpvsAnswer, IpvsCall } from './ipvs-process.ts'

/** The agent's IPVS in a process of a namespace; see ipvs-process.ts. */
export class IpvsEngine {
  readonly #process: Spawned
  readonly #waiting = new Map<number, (answer: IpvsAnswer) => void>()
  #calls = 0

  /** `prefix` is a command that starts the engine, like `setpriv`. */
  constructor(namespace: Namespace, prefix: readonly string[] = []) {
    const [command = '', ...args] = [...prefix, process.execPath, engineProgram]
    this.#process = namespace.spawn(command, args)
    createInterface(this.#process.stdout).on('line', line => {
      const answer: IpvsAnswer = JSON.parse(line)
      this.#waiting.get(answer.id)?.(answer)
    })
  }

  info = this.#remote('info')
  services = this.#remote('services')
  service = this.#remote('service')
  destinations = this.#remote('destinations')
  table = this.#remote('table')
  glance = this.#remote('glance')
  edit = this.#remote('edit')
  timeouts = this.#remote('timeouts')
  setTimeouts = this.#remote('setTimeouts')
  daemons = this.#remote('daemons')
  startDaemon = this.#remote('startDaemon')
  stopDaemon = this.#remote('stopDaemon')
  zero = this.#remote('zero')

  /** Sends the call at once; rejects with the error's name, code, message and hint. */
  async call(call: IpvsCall): Promise<unknown> {
    const id = this.#calls++
    const answered = new Promise<IpvsAnswer>(resolve => this.#waiting.set(id, resolve))
    this.#process.stdin.write(`${JSON.stringify({ id, ...call })}\n`)
    const dead = this.#process.then(({ stderr }) => Promise.reject(new Error(`the engine ended: ${stderr}`)))
    const { value, error } = await Promise.race([answered, dead])
    if (error !== undefined) throw Object.assign(new Error(error.message), error)
    return value
  }

  /** Closes the IPVS, and resolves when the process has ended by itself. */
  async end(): Promise<Awaited<Spawned>> {
    await this.call({ call: 'close', args: [] })
    this.#process.stdin.end()
    return this.#process
  }

  #remote<Name extends Exclude<keyof Ipvs, 'close'>>(name: Name): Ipvs[Name] {
    const call = (...args: unknown[]) => this.call({ call: name, args })
    return call as Ipvs[Name]
  }
}

const engineProgram = fileURLToPath(new URL('./ipvs-process.ts', import.meta.url))
