import type { InterfaceAddress, Link, Route } from '../../model/network.ts'
import { decodeAddress, linkIndexOf, RTM_DELADDR, RTM_NEWADDR } from './addresses.ts'
import { type LinkNames, linkNames } from './link-names.ts'
import { decodeLink, isLinkItself, RTM_DELLINK, RTM_NEWLINK } from './links.ts'
import { decodeRoute, RTM_DELROUTE, RTM_NEWROUTE } from './routes.ts'
import { subscribe } from './subscription.ts'
import { AF_INET } from './wire.ts'

/**
 * In bytes, which the kernel doubles: room for some 40,000 changes of addresses while this process is stopped. It is
 * taken only while messages wait.
 */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024

export type NetworkChange =
  /** Added is also what an address that stays is told by: of a new lifetime, or no longer tentative. */
  | { kind: 'address-added' | 'address-gone'; address: InterfaceAddress; linkIndex: number }
  /** Of the main table; `ip route replace` is told as added alone. */
  | { kind: 'route-added' | 'route-gone'; route: Route }
  | { kind: 'link-changed' | 'link-gone'; link: Link }

export interface NetworkMonitor {
  /** How many messages were lost since the last call: whoever hears of any looks at everything anew. */
  takeLost(): number
  close(): void
}

export interface ToldOfNetwork {
  changed(change: NetworkChange): void
  /** Nothing will be heard any more: open another one, and then look at everything anew. */
  failed(error: Error): void
}

/**
 * Tells of every change of an address, of a route of the main table and of a link of this network namespace from now
 * on, in the order in which the kernel made them. Of the IPv4 routes that go with their link, with the link's going
 * down, or with their source address, the kernel tells nothing (net/ipv4/fib_trie.c, fib_table_flush): whoever hears
 * of such a change looks for them. Throws when there is no socket to be had.
 */
export function monitorNetwork(
  told: ToldOfNetwork,
  { receiveBufferBytes = RECEIVE_BUFFER_BYTES }: { receiveBufferBytes?: number } = {},
): NetworkMonitor {
  const names = linkNames()
  let isOpen = true
  const close = (): void => {
    isOpen = false
    subscription.close()
    names.close()
  }
  const fail = (error: Error): void => {
    if (!isOpen) return
    close()
    told.failed(error)
  }
  const subscription = subscribe(
    ['links', 'addresses', 'routes'],
    {
      received(type, body) {
        const change = changeOf(type, body, names)
        if (change !== null) told.changed(change)
      },
      failed: fail,
    },
    { receiveBufferBytes },
  )
  // After the subscription: no link is missed in between.
  names.learn().catch(fail)
  return {
    takeLost() {
      const lost = subscription.takeLost()
      if (lost > 0) names.learn().catch(fail)
      return lost
    },
    close,
  }
}

function changeOf(type: number, body: Buffer, names: LinkNames): NetworkChange | null {
  switch (type) {
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(body, names.of)
      const kind = type === RTM_NEWADDR ? 'address-added' : 'address-gone'
      return address && { kind, address, linkIndex: linkIndexOf(body) }
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(body, body[0] === AF_INET ? 4 : 6, names.of)
      return route && { kind: type === RTM_NEWROUTE ? 'route-added' : 'route-gone', route }
    }
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      if (!isLinkItself(body)) return null
      const link = decodeLink(body)
      if (type === RTM_NEWLINK) names.heard(link)
      else names.gone(link)
      return { kind: type === RTM_NEWLINK ? 'link-changed' : 'link-gone', link }
    }
    default:
      return null
  }
}
