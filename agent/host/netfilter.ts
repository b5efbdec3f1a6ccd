import type { IpAddress } from '../model/address.ts'
import type { ArpRequestTrap } from './arp-request-trap.ts'

/** The packet filters of the network namespace that the process runs in. */
export interface Netfilter {
  /** Throws NoTrap where the kernel refuses it. */
  openArpRequestTrap(wanted: { target: IpAddress; senders: readonly IpAddress[] }): Promise<ArpRequestTrap>
  /** What may drop ARP, by name; throws AgentError `missing-capability` where that cannot be known. */
  arpFilters(): Promise<string[]>
  /** What may drop IPv4 or IPv6, likewise. */
  packetFilters(): Promise<string[]>
}

/** The kernel's own. Each is loaded when it is asked: only checks do, and the other commands start without. */
export const kernelNetfilter: Netfilter = {
  async openArpRequestTrap(wanted) {
    return (await import('./netlink/nft-arp-trap.ts')).openArpRequestTrap(wanted)
  },
  async arpFilters() {
    return (await import('./netlink/packet-filters.ts')).listPacketFilters('ARP')
  },
  async packetFilters() {
    return (await import('./netlink/packet-filters.ts')).listPacketFilters('IP')
  },
}
