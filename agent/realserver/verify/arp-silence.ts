import type { Host } from '../../host/host.ts'
import { arpProtocol } from '../../host/vantage/arp.ts'
import type { IpAddress } from '../../model/address.ts'
import { isQuiet } from '../../model/arp.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { effectiveOn } from '../arp-sysctl.ts'
import type { Check, CheckResult } from './check.ts'
import { isQuietByScope } from './host-scope.ts'
import { checkSilence } from './silence-check.ts'
import { safeStranger } from './strangers.ts'

/** Asked for a VIP by ARP on any NIC that faces the segment, this host stays silent. */
export const checkArpSilence: Check = async (host, wanted, found) => {
  const results = await checkSilence(
    { id: 'arp-silence', family: 4, strangerOn: safeStranger, protocolFor: arpProtocol },
    host,
    wanted,
    found,
  )
  return tellWhyQuiet(results, host, found)
}

/** A host whose sysctls let it answer, and that is silent all the same, owes it to something that can go away. */
async function tellWhyQuiet(results: CheckResult[], host: Host, found: FoundHost): Promise<CheckResult[]> {
  const bound = new Set<string>(found.addresses.map(({ address }) => address))
  const loudness = (subject: string): number | null => {
    const [vip = '', nic = ''] = subject.split(' on ')
    const arpIgnore = effectiveOn(nic, 'arp_ignore', found.sysctls)
    if (!bound.has(vip) || arpIgnore === null || isQuiet('arp_ignore', arpIgnore)) return null
    return isQuietByScope('arp_ignore', arpIgnore, [vip as IpAddress], found) ? null : arpIgnore
  }
  const needsReason = results.some(({ verdict, subject }) => verdict === 'pass' && loudness(subject) !== null)
  if (!needsReason) return results
  const filters = await host.netfilter.arpFilters().catch(() => [])
  const cause = filters.length === 0 ? 'something that this check does not know' : filters.join(', ')
  return results.map(result => {
    const arpIgnore = loudness(result.subject)
    if (result.verdict !== 'pass' || arpIgnore === null) return result
    return {
      ...result,
      evidence: `${result.evidence}; but only because of ${cause}: arp_ignore ${arpIgnore} would let it answer`,
      hint: 'rs-agent apply: then it is quiet by itself, whatever becomes of the filter',
    }
  })
}
