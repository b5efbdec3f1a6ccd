import { AgentError } from '../../errors.ts'
import type { InterfaceAddress, Route } from '../../model/network.ts'
import { encodeAddress, RTM_DELADDR, RTM_NEWADDR } from './addresses.ts'
import { type NetlinkRequest, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from './connection.ts'
import type { BatchRejection } from './rejection.ts'
import { encodeRoute, RTM_DELROUTE, RTM_NEWROUTE } from './routes.ts'

/** One change of the host's network. */
export type NetworkEdit =
  | { edit: 'add-address' | 'delete-address'; address: Omit<InterfaceAddress, 'secondary'> }
  | { edit: 'add-route' | 'replace-route' | 'delete-route'; route: Route }

/** The request that makes the edit; `indexes` are those of the links by name. */
export function requestOf(edit: NetworkEdit, indexes: ReadonlyMap<string, number>): NetlinkRequest {
  return encodeEdit(edit, name => indexOf(name, indexes, edit))
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

function indexOf(name: string, indexes: ReadonlyMap<string, number>, edit: NetworkEdit): number {
  const index = indexes.get(name)
  if (index === undefined)
    throw new AgentError(
      'failed',
      `cannot ${describeEdit(edit)}: there is no interface ${name}`,
      'see `ip link`',
    )
  return index
}

/** What a person is told when the kernel refused some of the edits. */
export function explain(rejection: BatchRejection, edits: readonly NetworkEdit[]): AgentError {
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
