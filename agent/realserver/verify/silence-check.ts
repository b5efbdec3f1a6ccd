import type { Host } from '../../host/host.ts'
import { NoVantage } from '../../host/vantage/injection.ts'
import type { Protocol } from '../../host/vantage/silence.ts'
import type { AddressFamily, IpAddress } from '../../model/address.ts'
import { familyOf } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { facingNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { type Observation, observeSilence, withoutVantage } from './silence.ts'
import { controlAddress, judgeSilence, unknownOnAbsentNics, unknownSilence } from './silence-verdict.ts'

/** What sets one protocol's check apart from the other's. */
export interface SilenceCheck {
  id: 'arp-silence' | 'ndp-silence'
  family: AddressFamily
  /** The sender of ordinary questions; null where none is safe. */
  strangerOn(found: FoundHost): IpAddress | null
  protocolFor(stranger: IpAddress | null): Protocol
}

/** Asks every NIC that faces the segment for every VIP of the family. */
export async function checkSilence(
  check: SilenceCheck,
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const { id, family } = check
  const vips = wanted.vips.filter(vip => familyOf(vip) === family)
  if (vips.length === 0) return []
  const results = unknownOnAbsentNics(id, vips, wanted, found)
  // One NIC after the other: a macvlan and its parent hear each other's questions.
  for (const nic of facingNics(wanted, found, family)) {
    const observation = await observeNic(check, host, nic, vips, found)
    results.push(...vips.map(vip => judgeSilence(id, vip, nic, observation, wanted, found)))
  }
  if (results.length > 0) return results
  return vips.map(vip =>
    unknownSilence(id, vip, `no NIC of this host has an IPv${family} address to ask from`),
  )
}

async function observeNic(
  { family, strangerOn, protocolFor }: SilenceCheck,
  host: Host,
  nic: Link,
  vips: readonly IpAddress[],
  found: FoundHost,
): Promise<Observation> {
  const control = controlAddress(nic, vips, found, family)
  if (typeof control !== 'string') return withoutVantage(new NoVantage('refused', control.why))
  const stranger = strangerOn(found)
  return observeSilence(protocolFor(stranger), nic, host.network, {
    control,
    vips,
    ownMacs: new Set(found.links.map(({ mac }) => mac)),
    // A host that answered a stranger also noted it as a neighbour.
    forgetStranger: async () => {
      if (stranger !== null) await host.network.forgetNeighbour(stranger, nic.index)
    },
  })
}
