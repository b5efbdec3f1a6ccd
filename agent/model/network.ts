import type { IpAddress } from './address.ts'

/** A network interface, as RTM_GETLINK tells it. */
export interface Link {
  index: number
  name: string
  mac: string
  /** Administratively up (IFF_UP). */
  up: boolean
  /** A cable or its like is plugged in (IFF_LOWER_UP). */
  carrier: boolean
  loopback: boolean
  /** Ethernet that speaks ARP (ARPHRD_ETHER without IFF_NOARP). */
  arp: boolean
  /** The kind of a virtual device (bridge, vlan, macvlan, …). */
  kind?: string
  /** Index of the bridge, bond or VRF that this link is a port of. */
  master?: number
  /** How an XDP program sees what arrives before the network stack does; absent without one. */
  xdp?: XdpMode
}

/** By the driver, by the network stack, by the card itself, or by more than one of them. */
export type XdpMode = 'native' | 'generic' | 'offload' | 'multiple'

/** What an address on a link carries besides its identity (link, address, prefix). */
export interface AddressForm {
  /** `lo:0`; IPv4 only. */
  label?: string
  /** RT_SCOPE_*: 0 global, 253 link, 254 host. */
  scope: number
  /** IFA_F_* that a request can set. */
  flags: number
  broadcast?: IpAddress
  /** The other end of a point-to-point address. */
  peer?: IpAddress
  /** Metric of the prefix route (IFA_RT_PRIORITY). */
  metric?: number
}

export interface InterfaceAddress extends AddressForm {
  link: string
  address: IpAddress
  prefixLength: number
  /** IFA_F_SECONDARY: goes away with the primary address of its subnet. */
  secondary: boolean
  /** IFA_F_TENTATIVE: being checked for duplicates, and not in use before that is done (IPv6). */
  tentative?: true
  /** IFA_F_DADFAILED: another host has it, so that this one never uses it (IPv6). */
  duplicate?: true
}

/** What a route carries besides its identity (destination, table, metric). */
export interface RouteForm {
  /** RTN_*: 1 unicast, 2 local, 6 blackhole, … */
  type: number
  /** Device name; absent for routes without one (blackhole, multipath). */
  link?: string
  gateway?: IpAddress
  source?: IpAddress
  /** RTPROT_*. */
  protocol: number
  /** RT_SCOPE_*. */
  scope: number
  /** Set when the route has parts that this form cannot carry: next hops, metrics, onlink, encapsulation. */
  complex?: true
}

export interface Route extends RouteForm {
  destination: IpAddress
  prefixLength: number
  metric: number
}

/** A port of a bridge or bond takes no IP traffic of its own: its master does. VRF ports do. */
export function isBridgeOrBondPort(link: Link, links: readonly Link[]): boolean {
  if (link.master === undefined) return false
  return links.find(other => other.index === link.master)?.kind !== 'vrf'
}
