import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'

export interface PageRequest {
  url: string
  /** The address of the client. */
  from: string
  timeoutMs: number
}

/** The kernel takes 0.3 s to give a question up: asking it all the time would keep the others from working. */
const POLL_MS = 50

/**
 * Sees a real server from outside, as its clients and its segment do: what verify says is measured by it. It is
 * the segment's gateway, and the clients behind it.
 */
export class Witness {
  readonly #gateway: Host
  readonly #process: Spawned
  readonly #answers: AsyncIterator<string>

  static async start(gateway: Host): Promise<Witness> {
    // A question that is not answered fails within 0.3 s.
    for (const family of ['ipv4', 'ipv6']) {
      await gateway.namespace.writeSysctl(`${family}/neigh/eth0/retrans_time_ms`, 100)
      await gateway.namespace.writeSysctl(`${family}/neigh/eth0/ucast_solicit`, 3)
    }
    const program = fileURLToPath(new URL('./witness-process.ts', import.meta.url))
    const witness = new Witness(gateway, gateway.spawn(process.execPath, [program]))
    await witness.#nextAnswer()
    return witness
  }

  private constructor(gateway: Host, child: Spawned) {
    this.#gateway = gateway
    this.#process = child
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** What a client gets that sends its packets to the MAC of the director: a status, or why there was none. */
  async requestPage(page: PageRequest & { vip: string }, { director }: { director: Host }): Promise<string> {
    await this.#setNeighbour(page.vip, director.mac, 'permanent')
    this.#process.stdin.write(`${JSON.stringify(page)}\n`)
    return this.#nextAnswer()
  }

  /** Whether a NIC with this MAC answers for the address, asked by ARP or neighbour solicitation. */
  async isClaimedBy(mac: string, address: string): Promise<boolean> {
    await this.#setNeighbour(address, mac, 'probe')
    for (;;) {
      const entries = await this.#gateway.run('ip', ['-j', 'neigh', 'show', 'to', address, 'dev', 'eth0'])
      const [state] = JSON.parse(entries).flatMap((entry: { state: string[] }) => entry.state)
      if (state !== 'PROBE') return state === 'REACHABLE'
      await sleep(POLL_MS)
    }
  }

  #setNeighbour(address: string, mac: string, state: 'permanent' | 'probe'): Promise<void> {
    return this.#gateway.namespace.ip(`neigh replace ${address} lladdr ${mac} dev eth0 nud ${state}`)
  }

  async #nextAnswer(): Promise<string> {
    const { value, done } = await this.#answers.next()
    if (!done) return value
    const { exitCode, stderr } = await this.#process
    throw new Error(`the witness has ended: exit code ${exitCode}: ${stderr}`)
  }
}
