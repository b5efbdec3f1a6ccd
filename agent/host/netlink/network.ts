import { type AddressFamily, hostPrefixLength, type IpAddress } from '../../model/address.ts'
import type {
  InterfaceAddress,
  Link,
  Neighbour,
  Route,
  RouteAnswer,
  RouteQuery,
  Rule,
} from '../../model/network.ts'
import { decodeAddress, encodeAddressDump, RTM_GETADDR } from './addresses.ts'
import { NETLINK_ROUTE, NetlinkConnection } from './connection.ts'
import { explain, type NetworkEdit, requestOf } from './edits.ts'
import { decodeLink, encodeLinkDump, RTM_GETLINK } from './links.ts'
import { encodeNeighbour, RTM_DELNEIGH } from './neighbours.ts'
import { BatchRejection, isRefused } from './rejection.ts'
import { decodeRoute, encodeMainTableDump, RTM_GETROUTE } from './routes.ts'
import { redirectArrivals } from './traffic-control.ts'

export type { NetworkEdit } from './edits.ts'

/** The network state of the namespace that the process runs in. */
export interface Network {
  links(): Promise<Link[]>
  addresses(): Promise<InterfaceAddress[]>
  /** Of the main table: routes to one address (/32, /128), and those that name their source. */
  routes(): Promise<Route[]>
  /** What the kernel would do with one packet; nothing is sent. */
  lookUpRoute(query: RouteQuery): Promise<RouteAnswer>
  /** Routing rules in the order in which they are followed. */
  rules(family: AddressFamily): Promise<Rule[]>
  /** Of both families, and the entries that this host answers for beside those it learnt. */
  neighbours(): Promise<Neighbour[]>
  /**
   * Starts the resolution of an address that is not known, without a packet for it. The kernel then asks for IPv4
   * from the address that it would choose for a packet of its own to the target (inet_select_addr): the NIC's
   * primary address in the target's subnet, else the NIC's first; only for a NIC without any, one of another link,
   * which may be a VIP on lo. The NIC's arp_announce plays no part, because there is no packet whose source it could
   * keep. For IPv6 it asks from the NIC's link-local address. A known address is only looked after; one that is
   * fixed is left alone.
   */
  askNeighbour(address: IpAddress, linkIndex: number): Promise<void>
  /**
   * What filters pass a link's traffic before and after the network stack, like `ingress bpf`. BPF programs that
   * are attached by bpf links (tcx, Linux 6.6) are not told by rtnetlink.
   */
  tcFilters(linkIndex: number): Promise<string[]>
  /** Makes the edits in order, in batches; at a refusal the rest of the batches is not sent. */
  edit(edits: readonly NetworkEdit[]): Promise<void>
  /** Forgets what the kernel learnt of a neighbour; one that it does not know is no error. */
  forgetNeighbour(address: IpAddress, linkIndex: number): Promise<void>
  /** From now on what arrives on the device goes on as if it had arrived on the NIC, whose MAC it takes. */
  redirectArrivals(deviceIndex: number, nic: Link): Promise<void>
  close(): void
}

/** The kernel's own, over rtnetlink. */
export function openNetwork(): Network {
  const connection = new NetlinkConnection(NETLINK_ROUTE)
  let names = new Map<number, string>()

  async function links(): Promise<Link[]> {
    const found = (await connection.dump(RTM_GETLINK, encodeLinkDump())).map(decodeLink)
    names = new Map(found.map(link => [link.index, link.name]))
    return found
  }

  const linkName = (index: number): string => names.get(index) ?? `if${index}`

  async function knownLinkName(index: number): Promise<string> {
    if (!names.has(index)) await links()
    return linkName(index)
  }

  return {
    links,
    async addresses() {
      if (names.size === 0) await links()
      const bodies = await connection.dump(RTM_GETADDR, encodeAddressDump())
      return bodies.map(body => decodeAddress(body, linkName)).filter(address => address !== null)
    },
    async routes() {
      if (names.size === 0) await links()
      const routes: Route[] = []
      for (const family of [4, 6] as const)
        for (const body of await connection
          .dump(RTM_GETROUTE, encodeMainTableDump(family))
          .catch(noSuchTable)) {
          const route = decodeRoute(body, family, linkName)
          if (route !== null && (isHostRoute(route) || route.source !== undefined)) routes.push(route)
        }
      return routes
    },
    async lookUpRoute(query) {
      return (await questions()).lookUpRoute(connection, query, knownLinkName)
    },
    async rules(family) {
      return (await questions()).listRules(connection, family)
    },
    async neighbours() {
      await links()
      return (await questions()).listNeighbours(connection, linkName)
    },
    async askNeighbour(address, linkIndex) {
      await (await questions()).askNeighbour(connection, address, linkIndex)
    },
    async tcFilters(linkIndex) {
      return (await questions()).listFilters(connection, linkIndex)
    },
    async edit(edits) {
      const indexes = new Map((await links()).map(link => [link.name, link.index]))
      await connection.change(edits.map(edit => requestOf(edit, indexes))).catch(error => {
        throw error instanceof BatchRejection ? explain(error, edits) : error
      })
    },
    async forgetNeighbour(address, linkIndex) {
      const request = { type: RTM_DELNEIGH, flags: 0, body: encodeNeighbour(address, linkIndex) }
      await connection.change([request]).catch(error => {
        if (!isRefused(error, 'ENOENT')) throw error
      })
    },
    redirectArrivals: (deviceIndex, nic) => connection.change(redirectArrivals(deviceIndex, nic)),
    close: () => connection.close(),
  }
}

/** Loaded when a check asks: plan and apply start without it. */
const questions = () => import('./questions.ts')

/** IPv4's main table comes with the first route: a namespace in which not even lo was ever up has none. */
function noSuchTable(error: unknown): Buffer[] {
  if (isRefused(error, 'ENOENT')) return []
  throw error
}

function isHostRoute({ destination, prefixLength }: Route): boolean {
  return prefixLength === hostPrefixLength(destination)
}
