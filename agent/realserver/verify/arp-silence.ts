import type { Host } from '../../host/host.ts'
import { arpProtocol } from '../../host/vantage/arp.ts'
import type { IpAddress } from '../../model/address.ts'
import { ARP_SYSCTLS, isQuiet } from '../../model/arp.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { effectiveOn } from '../arp-sysctl.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import { facingNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { type Observation, observeSilence, withoutVantage } from './silence.ts'
import { controlAddress, judgeSilence, unknownOnAbsentNics, unknownSilence } from './silence-verdict.ts'
import { safeStranger } from './strangers.ts'

/** Asked for a VIP by ARP on any NIC that faces the segment, this host stays silent. */
export async function checkArpSilence(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const vips = ipv4Vips(wanted)
  if (vips.length === 0) return []
  const nics = facingNics(wanted, found, 4)
  const results = unknownOnAbsentNics('arp-silence', vips, wanted, found)
  // One NIC after the other: a macvlan and its parent hear each other's questions.
  for (const nic of nics) {
    const observation = await observeNic(host, nic, vips, found)
    const judged = vips.map(vip => judgeSilence('arp-silence', vip, nic, observation, wanted, found))
    results.push(...(await tellWhyQuiet(judged, host, nic, vips, found)))
  }
  if (results.length > 0) return results
  const why = 'no NIC of this host has an IPv4 address to ask from'
  return vips.map(vip => unknownSilence('arp-silence', vip, why))
}

async function observeNic(
  host: Host,
  nic: Link,
  vips: readonly IpAddress[],
  found: FoundHost,
): Promise<Observation> {
  const control = controlAddress(nic, vips, found, 4)
  if (typeof control !== 'string') return withoutVantage(control.why)
  const stranger = safeStranger(found)
  return observeSilence(arpProtocol(stranger), nic, host.network, {
    control,
    vips,
    ownMacs: new Set(found.links.map(({ mac }) => mac)),
    // A host that answered a stranger also noted it as a neighbour.
    forgetStranger: async () => {
      if (stranger !== null) await host.network.forgetNeighbour(stranger, nic.index)
    },
  })
}

/** A host whose sysctls let it answer, and that is silent all the same, owes it to something that can go away. */
async function tellWhyQuiet(
  results: CheckResult[],
  host: Host,
  { name }: Link,
  vips: readonly IpAddress[],
  found: FoundHost,
): Promise<CheckResult[]> {
  const arpIgnore = effectiveOn(name, 'arp_ignore', found.sysctls)
  const isLoud = arpIgnore !== null && !isQuiet(ARP_SYSCTLS[0], arpIgnore)
  const isBound = (vip: IpAddress | undefined): boolean =>
    found.addresses.some(({ address }) => address === vip)
  if (!isLoud || !results.some(({ verdict }, index) => verdict === 'pass' && isBound(vips[index])))
    return results
  const filters = await host.netfilter.arpFilters().catch(() => [])
  const cause = filters.length === 0 ? 'something that this check does not know' : filters.join(', ')
  return results.map((result, index) => {
    if (result.verdict !== 'pass' || !isBound(vips[index])) return result
    const evidence = `${result.evidence}; but only because of ${cause}: arp_ignore ${arpIgnore} would let it answer`
    return {
      ...result,
      evidence,
      hint: 'rs-agent apply: then it is quiet by itself, whatever becomes of the filter',
    }
  })
}
