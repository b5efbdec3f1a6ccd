import type { IpAddress } from '../model/address.ts'
import { connectionsOf } from './tcp-sockets.ts'

/** What a host still has of clients. */
export interface ClientConnections {
  /** Open, or half open: somebody waits for something. */
  open: number
  /** Connections that were not there, open or just closed, when it was last asked. */
  fresh: number
}

/** Counts TCP connections to the addresses, of any port; each call compares with the one before. */
export function countConnectionsTo(addresses: readonly IpAddress[]): () => ClientConnections {
  const wanted = new Set(addresses)
  let known: ReadonlySet<string> | null = null
  return () => {
    const found = connectionsOf(wanted)
    const before = known ?? new Set(found.map(({ key }) => key))
    known = new Set(found.map(({ key }) => key))
    return {
      open: found.filter(({ isOpen }) => isOpen).length,
      fresh: found.filter(({ key }) => !before.has(key)).length,
    }
  }
}
