/**
 * What the ARP sysctls mean for an address on lo (Documentation/networking/ip-sysctl.rst,
 * net/ipv4/arp.c arp_ignore() and arp_solicit()).
 */

export const WANTED_ARP_IGNORE = 1
export const WANTED_ARP_ANNOUNCE = 2

export const ARP_SYSCTLS = ['arp_ignore', 'arp_announce'] as const
export type ArpSysctl = (typeof ARP_SYSCTLS)[number]

export const WANTED: Record<ArpSysctl, number> = {
  arp_ignore: WANTED_ARP_IGNORE,
  arp_announce: WANTED_ARP_ANNOUNCE,
}

/** The kernel uses the larger of conf/all and conf/NIC (include/linux/inetdevice.h, IN_DEV_MAXCONF). */
export function effectiveValue(all: number, nic: number): number {
  return Math.max(all, nic)
}

/**
 * Whether this effective value keeps a VIP on lo off the wire.
 *
 * arp_ignore: 1 and 2 answer only for addresses of the NIC that was asked, 8 for none; 3 answers for all but
 * those of host scope, which a VIP rarely has, and every other value answers for all.
 * arp_announce: only 2 never uses the VIP as the sender of a request; 1 does when the VIP lies in the
 * NIC's subnet, and values above 2 mean 0.
 */
export function isQuiet(sysctl: ArpSysctl, effective: number): boolean {
  switch (sysctl) {
    case 'arp_ignore':
      return effective === 1 || effective === 2 || effective === 8
    case 'arp_announce':
      return effective === 2
    default:
      return sysctl satisfies never
  }
}

/** What a loud effective value does, for people. */
export function whatLoudDoes(sysctl: ArpSysctl, effective: number): string {
  if (sysctl === 'arp_announce')
    return effective === 1
      ? 'announces the VIP when it lies in the subnet of the NIC'
      : 'may announce the VIP as the sender of ARP requests'
  return effective === 3 ? 'answers ARP for a VIP that is not of host scope' : 'answers ARP for the VIP'
}
