import { addressBytes, type IpAddress } from './address.ts'
import { type DestinationKey, type Pool, type Protocol, type ServiceKey, serviceFamily } from './ipvs.ts'

/** The kernel tells its table in the order of its hashes, which no reader expects. */

/** By address, port and protocol, firewall marks last; IPv4 before IPv6. Real servers by address and port. */
export function inReadingOrder<Found extends Pool>(pools: readonly Found[]): Found[] {
  return pools
    .toSorted((left, right) => compareKeys(left.service.key, right.service.key))
    .map(pool => ({ ...pool, destinations: pool.destinations.toSorted(compareDestinations) }))
}

function compareKeys(left: ServiceKey, right: ServiceKey): number {
  if (left.kind === 'firewallMark' || right.kind === 'firewallMark') return compareMarks(left, right)
  return (
    serviceFamily(left) - serviceFamily(right) ||
    compareAddresses(left.address, right.address) ||
    left.port - right.port ||
    compareProtocols(left.protocol, right.protocol)
  )
}

/** Addresses before marks, IPv4 before IPv6. */
export function compareMarks(left: ServiceKey, right: ServiceKey): number {
  return markOf(left) - markOf(right) || serviceFamily(left) - serviceFamily(right)
}

function markOf(key: ServiceKey): number {
  return key.kind === 'firewallMark' ? key.mark : 0
}

const PROTOCOL_ORDER: Record<Protocol, number> = { tcp: 6, udp: 17, sctp: 132 }

export function compareProtocols(left: Protocol, right: Protocol): number {
  return PROTOCOL_ORDER[left] - PROTOCOL_ORDER[right]
}

export function compareDestinations(left: DestinationKey, right: DestinationKey): number {
  return compareAddresses(left.address, right.address) || left.port - right.port
}

export function compareAddresses(left: IpAddress, right: IpAddress): number {
  return Buffer.compare(addressBytes(left), addressBytes(right))
}
