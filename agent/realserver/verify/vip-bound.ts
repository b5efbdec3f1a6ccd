import { familyOf, hostPrefixLength, type IpAddress } from '../../model/address.ts'
import type { InterfaceAddress, Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { isRightlyBound, LOOPBACK } from '../vip-address.ts'
import type { CheckResult } from './check.ts'

/** Each VIP is on lo with the prefix of one address, and nowhere else. */
export function checkVipBound(wanted: WantedRealServer, found: FoundHost): CheckResult[] {
  const byAddress = Map.groupBy(found.addresses, ({ address }) => address)
  return wanted.vips.map(vip => judge(vip, byAddress.get(vip) ?? [], found.links))
}

function judge(vip: IpAddress, copies: InterfaceAddress[], links: readonly Link[]): CheckResult {
  const result = { id: 'vip-bound', subject: vip } as const
  const onNic = copies.find(copy => copy.link !== LOOPBACK)
  if (onNic !== undefined)
    return {
      ...result,
      verdict: 'fail',
      evidence: `bound to ${describe(onNic)}, ${whatItDoes(onNic, links)}`,
      hint: `rs-agent apply, or: ip addr del ${onNic.address}/${onNic.prefixLength} dev ${onNic.link}`,
    }
  const wide = copies.find(copy => !isRightlyBound(copy))
  if (wide !== undefined)
    return {
      ...result,
      verdict: 'fail',
      evidence: `bound to ${describe(wide)}: with that prefix the whole subnet counts as this host, and its neighbours cannot be reached`,
      hint: `rs-agent apply, or: ip addr del ${wide.address}/${wide.prefixLength} dev ${LOOPBACK}`,
    }
  const [right] = copies
  if (right === undefined)
    return {
      ...result,
      verdict: 'fail',
      evidence: 'not bound to any interface: this host drops what the director sends it (a black hole)',
      hint: `rs-agent apply, or, once ARP is silenced: ip addr add ${vip}/${hostPrefixLength(vip)} dev ${LOOPBACK}`,
    }
  return { ...result, verdict: 'pass', evidence: `bound to ${describe(right)}`, hint: '' }
}

function whatItDoes(
  { address, link, duplicate, tentative }: InterfaceAddress,
  links: readonly Link[],
): string {
  // A dummy or a tunnel: asked by another NIC, the host is as quiet as with the VIP on lo.
  if (links.some(({ name, arp }) => name === link && !arp))
    return `which speaks no ARP: the VIP belongs on ${LOOPBACK}, where it does not come and go with a link`
  if (duplicate === true)
    return 'where duplicate address detection found it on another host: it is not in use'
  if (tentative === true) return 'where duplicate address detection is still going on: it answers soon'
  return `where the host answers ${familyOf(address) === 4 ? 'ARP for it whatever arp_ignore says' : 'NDP for it'}`
}

function describe({ address, prefixLength, link, label }: InterfaceAddress): string {
  const where = label === undefined || label === link ? link : `${link} (${label})`
  return `${where} as ${address}/${prefixLength}`
}
