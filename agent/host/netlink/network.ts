import { hostPrefixLength, type IpAddress } from '../../model/address.ts'
import type { InterfaceAddress, Link, Route } from '../../model/network.ts'
import { decodeAddress, encodeAddressDump, RTM_GETADDR } from './addresses.ts'
import { BatchRejection, NETLINK_ROUTE, NetlinkConnection } from './connection.ts'
import { explain, type NetworkEdit, requestOf } from './edits.ts'
import { decodeLink, encodeLinkDump, RTM_GETLINK } from './links.ts'
import { encodeNeighbour, RTM_DELNEIGH } from './neighbours.ts'
import { decodeRoute, encodeMainTableDump, RTM_GETROUTE } from './routes.ts'
import { redirectArrivals } from './traffic-control.ts'

export type { NetworkEdit } from './edits.ts'

/** The network state of the namespace that the process runs in. */
export interface Network {
  links(): Promise<Link[]>
  addresses(): Promise<InterfaceAddress[]>
  /** Of the main table: routes to one address (/32, /128), and those that name their source. */
  routes(): Promise<Route[]>
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
        for (const body of await connection.dump(RTM_GETROUTE, encodeMainTableDump(family))) {
          const route = decodeRoute(body, family, linkName)
          if (route !== null && (isHostRoute(route) || route.source !== undefined)) routes.push(route)
        }
      return routes
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
        if (!(error instanceof BatchRejection && error.rejections[0]?.cause.code === 'ENOENT')) throw error
      })
    },
    redirectArrivals: (deviceIndex, nic) => connection.change(redirectArrivals(deviceIndex, nic)),
    close: () => connection.close(),
  }
}

function isHostRoute({ destination, prefixLength }: Route): boolean {
  return prefixLength === hostPrefixLength(destination)
}
