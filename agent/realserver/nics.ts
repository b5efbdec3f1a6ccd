import { familyOf } from '../model/address.ts'
import { isBridgeOrBondPort, type Link } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { WantedRealServer } from './desired.ts'

/** Every NIC on which an ARP request can reach this host's own IP stack. */
export function arpNics(links: readonly Link[]): Link[] {
  return links.filter(link => link.arp && !link.loopback && !isBridgeOrBondPort(link, links))
}

/**
 * The NICs that face the VIPs' segment: those that the configuration names, or all that carry IPv4. An
 * address counts only when it is not a VIP: that one will not stay on the NIC.
 */
export function facingNics(wanted: WantedRealServer, found: FoundHost): Link[] {
  const candidates = arpNics(found.links)
  const { interfaces, vips } = wanted
  if (interfaces !== 'auto') return candidates.filter(link => interfaces.includes(link.name))
  const withIpv4 = new Set(
    found.addresses
      .filter(({ address }) => familyOf(address) === 4 && !vips.includes(address))
      .map(({ link }) => link),
  )
  return candidates.filter(link => withIpv4.has(link.name))
}
