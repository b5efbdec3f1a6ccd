import { type Network, openNetwork } from '../../host/netlink/network.ts'
import type { IpAddress } from '../../model/address.ts'
import {
  type InterfaceAddress,
  isUnplugged,
  type Link,
  type Neighbour,
  whyUnplugged,
} from '../../model/network.ts'
import { isThisHost, neighbourAddress } from '../verify/real-servers.ts'

/** How frames get from a NIC to a real server. */
export type Way =
  | {
      kind: 'way'
      nic: Link
      client: IpAddress /** Null while the kernel does not know it. */
      mac: string | null
    }
  /** The real server is this host itself: nothing is sent. */
  | { kind: 'self' }
  | { kind: 'none'; why: string }

/** What the kernel knows of one NIC and its neighbours, read for all that ask at the same time. */
export class Neighbourhood {
  readonly #nic: string
  readonly #network: Network = openNetwork()
  #view: Promise<View> | null = null
  #readAt = Number.NEGATIVE_INFINITY

  constructor(nic: string) {
    this.#nic = nic
  }

  /** As it was at most `maxAgeMs` ago. */
  async wayTo(rip: IpAddress, vip: IpAddress, maxAgeMs: number): Promise<Way> {
    const { links, addresses, neighbours } = await this.#look(maxAgeMs)
    if (isThisHost(rip, { addresses })) return { kind: 'self' }
    const nic = links.find(({ name }) => name === this.#nic)
    if (nic === undefined) return { kind: 'none', why: `there is no ${this.#nic}` }
    if (isUnplugged(nic)) return { kind: 'none', why: whyUnplugged(nic) }
    const client = neighbourAddress(nic, rip, [vip], { addresses })
    if (client === undefined)
      return {
        kind: 'none',
        why: `${nic.name} has no address in the subnet of ${rip}: direct routing reaches neighbours alone`,
      }
    return { kind: 'way', nic, client, mac: neighbours.get(neighbourKey(nic.name, rip)) ?? null }
  }

  /** Has the kernel find out, or make sure, who has the address. */
  async ask(rip: IpAddress, nic: Link): Promise<void> {
    await this.#network.askNeighbour(rip, nic.index)
  }

  close(): void {
    this.#network.close()
  }

  #look(maxAgeMs: number): Promise<View> {
    const now = performance.now()
    if (this.#view !== null && now - this.#readAt <= maxAgeMs) return this.#view
    this.#readAt = now
    const view = this.#read()
    this.#view = view
    view.catch(() => {
      if (this.#view === view) this.#view = null
    })
    return view
  }

  async #read(): Promise<View> {
    const [links, addresses] = [await this.#network.links(), await this.#network.addresses()]
    const neighbours = (await this.#network.neighbours()).filter(({ proxy, mac }) => !proxy && mac !== null)
    return {
      links,
      addresses,
      neighbours: new Map(neighbours.map(each => [neighbourKey(each.link, each.address), each.mac])),
    }
  }
}

interface View {
  links: Link[]
  addresses: InterfaceAddress[]
  /** MACs that are known. */
  neighbours: ReadonlyMap<string, Neighbour['mac']>
}

function neighbourKey(link: string | null, address: IpAddress): string {
  return `${address} ${link}`
}
