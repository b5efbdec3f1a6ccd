import type { Host } from '../../host/host.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Link, RouteAnswer } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { arrivalOf, type Connection, departureOf } from './clients.ts'
import { type NextHop, resolveNextHop } from './next-hop.ts'

/**
 * The way of an answer from the VIP to a client, made ready before anybody knocks: were the next hop resolved
 * for the answer itself, a host with a loud arp_announce would tell the segment that it owns the VIP.
 */
export interface WayBack {
  /** How the kernel takes what the client sends to the VIP. */
  arrival: RouteAnswer
  departure: RouteAnswer
  /** Who gets the answer: the gateway, or the client itself; null where there is no route. */
  nextHop: IpAddress | null
  /** Why nobody may knock, or nobody needs to. */
  obstacle: NextHop['obstacle']
}

/** Looks ways back up; a next hop that many of them share is made ready once. */
export class WaysBack {
  readonly #host: Host
  readonly #found: FoundHost
  readonly #vips: readonly IpAddress[]
  readonly #nextHops = new Map<string, Promise<NextHop>>()

  constructor(host: Host, found: FoundHost, vips: readonly IpAddress[]) {
    this.#host = host
    this.#found = found
    this.#vips = vips
  }

  async prepare(connection: Connection): Promise<WayBack> {
    const found = this.#found
    const arrival = await arrivalOf(this.#host, connection)
    const departure = await departureOf(this.#host, found, connection)
    const nothing = { arrival, departure, obstacle: null }
    if (departure.kind === 'refused') return { ...nothing, nextHop: null }
    const nextHop = departure.gateway ?? connection.client
    const link = found.links.find(({ name }) => name === departure.link)
    if (link === undefined || !link.arp) return { ...nothing, nextHop }
    return { ...nothing, nextHop, obstacle: (await this.#nextHop(link, nextHop)).obstacle }
  }

  /** Makes the kernel forget the next hops that it did not know before. */
  async forget(): Promise<void> {
    for (const nextHop of this.#nextHops.values()) await (await nextHop).forget()
  }

  #nextHop(link: Link, address: IpAddress): Promise<NextHop> {
    const key = `${address} on ${link.index}`
    const known =
      this.#nextHops.get(key) ?? resolveNextHop(this.#host, this.#found, this.#vips, link, address)
    this.#nextHops.set(key, known)
    return known
  }
}
