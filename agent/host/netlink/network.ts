import { AgentError } from '../../errors.ts'
import { hostPrefixLength, type IpAddress } from '../../model/address.ts'
import type { InterfaceAddress, Link, Route } from '../../model/network.ts'
import {
  decodeAddress,
  encodeAddress,
  encodeAddressDump,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './addresses.ts'
import type { NetlinkRequest } from './connection.ts'
import {
  BatchRejection,
  NETLINK_ROUTE,
  NetlinkConnection,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from './connection.ts'
import { decodeLink, encodeLinkDump, RTM_GETLINK } from './links.ts'
import { encodeNeighbour, RTM_DELNEIGH } from './neighbours.ts'
import {
  decodeRoute,
  encodeMainTableDump,
  encodeRoute,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from './routes.ts'
import { redirectArrivals } from './traffic-control.ts'

/** One change of the host's network. */
export type NetworkEdit =
  | { edit: 'add-address' | 'delete-address'; address: Omit<InterfaceAddress, 'secondary'> }
  | { edit: 'add-route' | 'replace-route' | 'delete-route'; route: Route }

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
      const requests = edits.map(edit => encodeEdit(edit, name => indexOf(name, indexes, edit)))
      await connection.change(requests).catch(error => {
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

function encodeEdit(edit: NetworkEdit, linkIndex: (name: string) => number): NetlinkRequest {
  switch (edit.edit) {
    case 'add-address':
      return {
        type: RTM_NEWADDR,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: encodeAddress(edit.address, linkIndex(edit.address.link)),
      }
    case 'delete-address':
      return { type: RTM_DELADDR, flags: 0, body: encodeAddress(edit.address, linkIndex(edit.address.link)) }
    case 'add-route':
      return {
        type: RTM_NEWROUTE,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: encodeRoute(edit.route, routeLink(edit.route, linkIndex)),
      }
    case 'replace-route':
      return {
        type: RTM_NEWROUTE,
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        body: encodeRoute(edit.route, routeLink(edit.route, linkIndex)),
      }
    case 'delete-route':
      return { type: RTM_DELROUTE, flags: 0, body: encodeRoute(edit.route, routeLink(edit.route, linkIndex)) }
    default:
      return edit satisfies never
  }
}

function routeLink(route: Route, linkIndex: (name: string) => number): number | undefined {
  return route.link === undefined ? undefined : linkIndex(route.link)
}

function indexOf(name: string, indexes: Map<string, number>, edit: NetworkEdit): number {
  const index = indexes.get(name)
  if (index === undefined)
    throw new AgentError(
      'failed',
      `cannot ${describeEdit(edit)}: there is no interface ${name}`,
      'see `ip link`',
    )
  return index
}

function explain(rejection: BatchRejection, edits: readonly NetworkEdit[]): AgentError {
  const [first, ...others] = rejection.rejections
  const edit = first === undefined ? undefined : edits[first.index]
  if (first === undefined || edit === undefined)
    return new AgentError('failed', rejection.message, '', rejection)
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  const message = `cannot ${describeEdit(edit)}: ${first.cause.message}${more}`
  if (first.cause.code === 'EPERM')
    return new AgentError('missing-capability', message, 'needs CAP_NET_ADMIN', rejection)
  return new AgentError(
    'failed',
    message,
    HINTS[first.cause.code] ?? 'see `ip addr` and `ip route`',
    rejection,
  )
}

const HINTS: Record<string, string> = {
  EEXIST: 'something else put it there in the meantime: run the command again',
  ESRCH: 'something else removed it in the meantime: run the command again',
  EADDRNOTAVAIL: 'something else removed it in the meantime: run the command again',
  ENETDOWN: 'the interface is down: `ip link set lo up`',
  ENOBUFS: 'the kernel is out of memory for its tables',
}

function describeEdit(edit: NetworkEdit): string {
  switch (edit.edit) {
    case 'add-address':
      return `bind ${edit.address.address}/${edit.address.prefixLength} to ${edit.address.link}`
    case 'delete-address':
      return `unbind ${edit.address.address}/${edit.address.prefixLength} from ${edit.address.link}`
    case 'add-route':
    case 'replace-route':
      return `route ${edit.route.destination}/${edit.route.prefixLength} to ${edit.route.link ?? 'no interface'}`
    case 'delete-route':
      return `remove the route to ${edit.route.destination}/${edit.route.prefixLength}`
    default:
      return edit satisfies never
  }
}
