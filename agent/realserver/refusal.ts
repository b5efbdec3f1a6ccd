import { familyOf, firstAddress, type IpAddress, isInSubnet, lastAddress } from '../model/address.ts'
import { arpNics } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import type { WantedRealServer } from './desired.ts'

export function vipPath(index: number): Refusal['path'] {
  return ['realServer', 'vips', index, 'address']
}

/** Without IPv6 on lo, or with it switched off there, an IPv6 VIP cannot be bound. */
export const disableIpv6Path = 'net/ipv6/conf/lo/disable_ipv6'

/** What stands between the configuration and this host before any VIP is looked at. */
export function hostRefusals(wanted: WantedRealServer, found: FoundHost): Refusal[] {
  return [...loopbackRefusals(found), ...nicRefusals(wanted, found), ...vipRefusals(wanted, found)]
}

/** A director owns its VIPs in the open, on a NIC. */
export function roleRefusals({ vips }: WantedRealServer, directorVips: readonly IpAddress[]): Refusal[] {
  return vips.flatMap((vip, index): Refusal[] => {
    if (!directorVips.includes(vip)) return []
    const why = `this host is the director of ${vip}, which it owns in the open: it cannot hide it as well`
    return [
      {
        path: vipPath(index),
        why,
        hint: '`rs-agent director remove` takes that role off; a director that shall serve pages itself names its own address among the realServers',
      },
    ]
  })
}

function loopbackRefusals({ links }: FoundHost): Refusal[] {
  if (links.find(link => link.loopback)?.up === true) return []
  const why = 'lo is down: no VIP can be bound to it'
  return [{ path: ['realServer', 'vips'], why, hint: 'ip link set lo up', code: 'unsupported' }]
}

function nicRefusals({ interfaces }: WantedRealServer, { links }: FoundHost): Refusal[] {
  const usable = arpNics(links).map(link => link.name)
  const names = interfaces === 'auto' ? [] : interfaces
  return names.flatMap((name, index): Refusal[] => {
    if (usable.includes(name)) return []
    const why = links.some(link => link.name === name)
      ? `${name} cannot carry a VIP's traffic: it speaks no ARP or is a port of another interface`
      : `there is no interface ${name}`
    const hint = `this host has ${usable.join(', ') || 'no NIC that could'}`
    return [{ path: ['realServer', 'interfaces', index], why, hint }]
  })
}

function vipRefusals({ vips }: WantedRealServer, found: FoundHost): Refusal[] {
  const hasIpv6 = found.sysctls[disableIpv6Path] === '0'
  return vips.flatMap((vip, index): Refusal[] => {
    if (familyOf(vip) === 6 && !hasIpv6)
      return [
        {
          path: vipPath(index),
          why: `${vip} needs IPv6, which is switched off on lo`,
          hint: `sysctl -w ${disableIpv6Path}=0`,
          code: 'unsupported',
        },
      ]
    const subnet = subnetThatReserves(vip, found)
    if (subnet === null) return []
    const why = `${vip} is the network or broadcast address of ${subnet}`
    return [{ path: vipPath(index), why, hint: 'choose an address that a host can have' }]
  })
}

/** IPv4 subnets of at least four addresses keep their first and last one (RFC 3021 frees them in a /31). */
function subnetThatReserves(vip: IpAddress, { addresses }: FoundHost): string | null {
  if (familyOf(vip) === 6) return null
  for (const { address, prefixLength, link } of addresses) {
    if (prefixLength > 30 || address === vip || !isInSubnet(vip, address, prefixLength)) continue
    if (lastAddress(address, prefixLength) === vip || firstAddress(address, prefixLength) === vip)
      return `${address}/${prefixLength} on ${link}`
  }
  return null
}
