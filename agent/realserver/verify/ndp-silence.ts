import { hasCapability } from '../../host/capabilities.ts'
import type { Host } from '../../host/host.ts'
import { ndpProtocol } from '../../host/vantage/ndp.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { facingNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { type Observation, observeSilence, withoutVantage } from './silence.ts'
import { controlAddress, judgeSilence, unknownOnAbsentNics, unknownSilence } from './silence-verdict.ts'
import { LINK_LOCAL_STRANGER } from './strangers.ts'

/** Asked for an IPv6 VIP by neighbour solicitations on any NIC that faces the segment, this host stays silent. */
export async function checkNdpSilence(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const vips = wanted.vips.filter(vip => familyOf(vip) === 6)
  if (vips.length === 0) return []
  const results = unknownOnAbsentNics('ndp-silence', vips, wanted, found)
  for (const nic of facingNics(wanted, found, 6)) {
    const observation = await observeNic(host, nic, vips, found)
    results.push(...vips.map(vip => judgeSilence('ndp-silence', vip, nic, observation, wanted, found)))
  }
  if (results.length > 0) return results
  const why = 'no NIC of this host has an IPv6 address to ask from'
  return vips.map(vip => unknownSilence('ndp-silence', vip, why))
}

async function observeNic(
  host: Host,
  nic: Link,
  vips: readonly IpAddress[],
  found: FoundHost,
): Promise<Observation> {
  const control = controlAddress(nic, vips, found, 6)
  if (typeof control !== 'string') return withoutVantage(control.why)
  // A question for an address whose uniqueness is just being tested would make the test fail.
  const tentative = found.addresses.find(own => vips.includes(own.address) && own.tentative === true)
  if (tentative !== undefined)
    return withoutVantage(
      `${tentative.address} on ${tentative.link} is still tentative (duplicate address detection): ask again in two seconds`,
    )
  const stranger = hasCapability('CAP_NET_ADMIN') ? LINK_LOCAL_STRANGER : null
  return observeSilence(ndpProtocol(stranger), nic, host.network, {
    control,
    vips,
    ownMacs: new Set(found.links.map(({ mac }) => mac)),
    // A host that answered a stranger also noted it as a neighbour.
    forgetStranger: async () => {
      if (stranger !== null) await host.network.forgetNeighbour(stranger, nic.index)
    },
  })
}
