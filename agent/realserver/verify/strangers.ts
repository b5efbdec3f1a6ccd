import { hasCapability } from '../../host/capabilities.ts'
import { type IpAddress, isInSubnet } from '../../model/address.ts'
import type { FoundHost } from '../../reconcile/found.ts'

/** Addresses that stand for a host that nobody is. */

/** RFC 5737. One that lies in a subnet of this host may be a lab's, and is not used. */
const STRANGERS = ['192.0.2.77', '198.51.100.77', '203.0.113.77'] as IpAddress[]

/** Who asks; null where a stranger could be a neighbour, or could not be made forgotten again. */
export function safeStranger(found: FoundHost): IpAddress | null {
  if (!hasCapability('CAP_NET_ADMIN')) return null
  return STRANGERS.find(stranger => !isOnLink(stranger, found)) ?? null
}

/**
 * Whose packets come in by the default route: of documentation (RFC 5737, 3849), and, where a host sends those
 * into a blackhole, of benchmarks and of retired relays (RFC 2544, 5180, 7526).
 */
export const FARAWAY_CLIENTS = {
  4: ['192.0.2.78', '198.51.100.78', '203.0.113.78', '198.18.0.78', '192.88.99.78'],
  6: ['2001:db8::78', '2001:2::78'],
} as {
  [family in 4 | 6]: IpAddress[]
}

export function isOnLink(address: IpAddress, { addresses }: FoundHost): boolean {
  return addresses.some(own => isInSubnet(address, own.address, own.prefixLength))
}
