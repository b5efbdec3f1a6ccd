import type { SysctlPath } from '../../host/sysctl.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import type { ArpSysctl } from '../../model/arp.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { LOOPBACK } from '../vip-address.ts'

/** The one case in which arp_ignore 3 is quiet: `ip address add VIP/32 dev lo scope host`, as some guides have it. */

/** linux/rtnetlink.h */
const RT_SCOPE_HOST = 254
/** The OR of both lets the kernel take host scope on lo for link scope (net/ipv4/devinet.c confirm_addr_indev()). */
const ROUTE_LOCALNET: readonly SysctlPath[] = ['all', LOOPBACK].map(
  scope => `net/ipv4/conf/${scope}/route_localnet`,
)

/** What the judgement reads. */
export const HOST_SCOPE_PATHS = ROUTE_LOCALNET

/** Whether it is the VIPs' scope alone that keeps a host with this value quiet about all of them. */
export function isQuietByScope(
  sysctl: ArpSysctl,
  effective: number,
  vips: readonly IpAddress[],
  { addresses, sysctls }: FoundHost,
): boolean {
  if (sysctl !== 'arp_ignore' || effective !== 3) return false
  if (!ROUTE_LOCALNET.every(path => sysctls[path] === '0')) return false
  return vips
    .filter(vip => familyOf(vip) === 4)
    .every(vip => {
      const copies = addresses.filter(({ address }) => address === vip)
      // One that is not bound will be, with whatever scope.
      return (
        copies.length > 0 && copies.every(({ link, scope }) => link === LOOPBACK && scope === RT_SCOPE_HOST)
      )
    })
}
