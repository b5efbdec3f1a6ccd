import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { NetworkEdit } from '../../agent/host/netlink/network.ts'
import type { AddressFamily, IpAddress } from '../../agent/model/address.ts'
import type {
  InterfaceAddress,
  Link,
  Neighbour,
  Route,
  RouteAnswer,
  RouteQuery,
  Rule,
} from '../../agent/model/network.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import type { EngineAnswer, EngineCall, EngineSocket } from './netlink-process.ts'

export interface TrapCounts {
  bySender: Record<string, number>
  others: number
}

/** The agent's netlink engine in a process of a host; see netlink-process.ts. */
export class Engine {
  readonly #process: Spawned
  readonly #waiting = new Map<number, (answer: EngineAnswer) => void>()
  #calls = 0

  /** `prefix` is a command that starts the engine, like `setpriv`. */
  constructor(host: Host, prefix: readonly string[] = []) {
    const [command = '', ...args] = [...prefix, process.execPath, engineProgram]
    this.#process = host.spawn(command, args)
    createInterface(this.#process.stdout).on('line', line => {
      const answer: EngineAnswer = JSON.parse(line)
      this.#waiting.get(answer.id)?.(answer)
    })
  }

  links = () => this.call({ call: 'links' }) as Promise<Link[]>
  addresses = () => this.call({ call: 'addresses' }) as Promise<InterfaceAddress[]>
  routes = () => this.call({ call: 'routes' }) as Promise<Route[]>
  lookUpRoute = (query: RouteQuery) => this.call({ call: 'lookUpRoute', query }) as Promise<RouteAnswer>
  rules = (family: AddressFamily) => this.call({ call: 'rules', family }) as Promise<Rule[]>
  neighbours = () => this.call({ call: 'neighbours' }) as Promise<Neighbour[]>
  askNeighbour = (address: string, linkIndex: number) =>
    this.call({ call: 'askNeighbour', address: address as IpAddress, linkIndex })
  tcFilters = (linkIndex: number) => this.call({ call: 'tcFilters', linkIndex }) as Promise<string[]>
  layTrap = (target: string, senders: string[]) =>
    this.call({ call: 'layTrap', target: target as IpAddress, senders: senders as IpAddress[] })
  trapCounts = () => this.call({ call: 'trapCounts' }) as Promise<TrapCounts>
  removeTrap = () => this.call({ call: 'removeTrap' })
  arpFilters = () => this.call({ call: 'arpFilters' }) as Promise<string[]>
  packetFilters = () => this.call({ call: 'packetFilters' }) as Promise<string[]>
  edit = (edits: NetworkEdit[]) => this.call({ call: 'edit', edits })
  close = () => this.call({ call: 'close' })
  sockets = () => this.call({ call: 'sockets' }) as Promise<EngineSocket[]>

  /** Sends the call at once; rejects with the error's name, code, message and hint. */
  async call(call: EngineCall): Promise<unknown> {
    const id = this.#calls++
    const answered = new Promise<EngineAnswer>(resolve => this.#waiting.set(id, resolve))
    this.#process.stdin.write(`${JSON.stringify({ id, ...call })}\n`)
    const dead = this.#process.then(({ stderr }) => Promise.reject(new Error(`the engine ended: ${stderr}`)))
    const { value, error } = await Promise.race([answered, dead])
    if (error !== undefined) throw Object.assign(new Error(error.message), error)
    return value
  }

  kill(): Spawned {
    this.#process.kill('SIGKILL')
    return this.#process
  }

  /** Resolves when the process has ended by itself. */
  end(): Spawned {
    this.#process.stdin.end()
    return this.#process
  }
}

const engineProgram = fileURLToPath(new URL('./netlink-process.ts', import.meta.url))
