import { type AddressFamily, familyOf, type IpAddress, isInSubnet } from '../model/address.ts'
import { arpNics, type Link } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { WantedRealServer } from './desired.ts'

/**
 * The NICs that face the VIPs' segment: those that the configuration names, or all that carry addresses of
 * the family. An address counts only when it is not a VIP: that one will not stay on the NIC.
 */
export function facingNics(wanted: WantedRealServer, found: FoundHost, family: AddressFamily = 4): Link[] {
  const candidates = arpNics(found.links)
  const { interfaces, vips } = wanted
  if (interfaces !== 'auto') return candidates.filter(link => interfaces.includes(link.name))
  const addressed = new Set(
    found.addresses
      .filter(({ address }) => familyOf(address) === family && !vips.includes(address))
      .map(({ link }) => link),
  )
  return candidates.filter(link => addressed.has(link.name))
}

/**
 * The NICs on which the director's frames for a VIP arrive. Where the configuration does not name them: those
 * with a director in their subnet, else with the VIP in it, else all that face the segment.
 */
export function pathNics(wanted: WantedRealServer, found: FoundHost, vip: IpAddress): Link[] {
  const family = familyOf(vip)
  const facing = facingNics(wanted, found, family)
  if (wanted.interfaces !== 'auto') return facing
  const near = (addresses: readonly IpAddress[]): Link[] => nicsNear(addresses, facing, wanted, found)
  return [near(wanted.directors), near([vip]), facing].find(nics => nics.length > 0) ?? []
}

/** What a check that needs such a NIC says where there is none. */
export const NO_NIC = {
  why: 'no NIC of this host faces the segment',
  hint: 'has a NIC an address of its own, or does the configuration name one? ip address; interfaces: [NIC]',
}

/** The NICs in whose subnet the VIP lies. */
export function homeNics(wanted: WantedRealServer, found: FoundHost, vip: IpAddress): Link[] {
  return nicsNear([vip], facingNics(wanted, found, familyOf(vip)), wanted, found)
}

function nicsNear(
  addresses: readonly IpAddress[],
  nics: readonly Link[],
  { vips }: WantedRealServer,
  found: FoundHost,
): Link[] {
  return nics.filter(({ name }) =>
    found.addresses.some(
      ({ link, address, prefixLength }) =>
        link === name &&
        // A VIP bound to the NIC tells nothing of the segment.
        !vips.includes(address) &&
        addresses.some(other => isInSubnet(other, address, prefixLength)),
    ),
  )
}
