import type { IpAddress } from './address.ts'

/** RTN_* of include/uapi/linux/rtnetlink.h: where a route leads, out of this host or into it. */
export const RTN_UNICAST = 1
export const RTN_LOCAL = 2

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
  /** Index of the link whose frames it gets its own from: what a VLAN or a macvlan was made on. */
  lower?: number
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
  /** It ends by itself unless somebody goes on with it: of a lease, or of a router's announcement. */
  leased?: true
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

/** A question about the way of one packet. */
export interface RouteQuery {
  destination: IpAddress
  source?: IpAddress
  /**
   * Index of the link that the packet arrives on: asks what becomes of a packet from outside, which the kernel
   * also tests by rp_filter and for martians. Needs a source, without which an IPv4 packet is a martian. Absent
   * for a packet of this host's own.
   */
  arrivingOn?: number
  /** Index of the link that it shall leave by. */
  leavingBy?: number
  /** Of TCP: a rule may look at them. */
  ports?: { source: number; destination: number }
}

/** What the kernel would do with it. */
export type RouteAnswer =
  | {
      kind: 'route'
      /** RTN_*: 1 unicast, 2 local, 3 broadcast, 4 anycast, 5 multicast. */
      type: number
      /**
       * Number of the routing table that has the route: 254 main, 255 local. Until the first rule is added the IPv4
       * tables are one, 254, whatever the route; 0 where no route has it (`leavingBy` makes the target on-link).
       */
      table: number
      /** Null for a route without a device. */
      link: string | null
      /** Of either family, whatever the family of the destination. */
      gateway: IpAddress | null
      /** The query's; without one, what the kernel gives a packet of this host's own. */
      source: IpAddress | null
    }
  | {
      kind: 'refused'
      /**
       * Name of the errno. For a packet from outside: EXDEV is rp_filter and EINVAL a martian, newer kernels (6.18, not
       * 6.1) say EINVAL for both; EHOSTUNREACH is no way on, by a rule or without forwarding. For one of this host's
       * own: EINVAL is a blackhole, EACCES prohibit, EHOSTUNREACH and ENETUNREACH an unreachable route or rule, and
       * ENETUNREACH also no route at all.
       */
      code: string
      /** The errno's name, with the kernel's explanation if it gave one. */
      message: string
    }

/** What the kernel knows of an address beyond a link, or that it answers for it. */
export interface Neighbour {
  /** Null for a proxy entry of every link. */
  link: string | null
  address: IpAddress
  /** Null while it is not known, and for a proxy entry. */
  mac: string | null
  /** NUD_*: 0x01 incomplete, 0x02 reachable, 0x04 stale, 0x08 delay, 0x10 probe, 0x20 failed, 0x40 noarp, 0x80 permanent. */
  state: number
  /** This host answers for the address (`ip neigh add proxy`). */
  proxy: boolean
}

/** One line of `ip rule`. */
export interface Rule {
  /** Rules are followed from the lowest on. */
  priority: number
  /** FR_ACT_*: 1 look up in the table, 2 go to another rule, 3 nothing, 6 blackhole, 7 unreachable, 8 prohibit. */
  action: number
  /** 0 for actions without one. */
  table: number
  /** Null for any. */
  source: Prefix | null
  destination: Prefix | null
  arrivingOn: string | null
  leavingBy: string | null
  /** As `ip rule` prints it. */
  text: string
}

export interface Prefix {
  address: IpAddress
  prefixLength: number
}

/** A port of a bridge or bond takes no IP traffic of its own: its master does. VRF ports do. */
export function isBridgeOrBondPort(link: Link, links: readonly Link[]): boolean {
  if (link.master === undefined) return false
  return links.find(other => other.index === link.master)?.kind !== 'vrf'
}

/** Every NIC on which an ARP request can reach this host's own IP stack. */
export function arpNics(links: readonly Link[]): Link[] {
  return links.filter(link => link.arp && !link.loopback && !isBridgeOrBondPort(link, links))
}

/** Nothing arrives on it, and nothing leaves. */
export function isUnplugged({ up, carrier }: Link): boolean {
  return !up || !carrier
}

export function whyUnplugged({ name, up }: Link): string {
  return `${name} ${up ? 'has no carrier' : 'is down'}`
}
