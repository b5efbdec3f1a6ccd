import type { Obstacle } from '../../host/vantage/injection.ts'
import { type AddressFamily, familyOf, type IpAddress } from '../../model/address.ts'
import type { InterfaceAddress, Link } from '../../model/network.ts'
import { arpNics, isUnplugged, whyUnplugged } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { pathNics } from '../nics.ts'
import { nativeXdpOn } from './beneath.ts'
import type { CheckResult } from './check.ts'
import type { Observation } from './silence.ts'

/** What an observation of silence means, and why one could not be made. */

type SilenceId = 'arp-silence' | 'ndp-silence'

export function judgeSilence(
  id: SilenceId,
  vip: IpAddress,
  nic: Link,
  { answered, control }: Observation,
  wanted: WantedRealServer,
  found: FoundHost,
): CheckResult {
  const subject = `${vip} on ${nic.name}`
  const mac = answered.get(vip)
  if (mac !== undefined)
    return {
      id,
      subject,
      verdict: 'fail',
      evidence: `asked on ${nic.name}, this host answered with ${mac}${ownerOf(mac, nic, found)}: clients are told that it owns the VIP`,
      hint: 'rs-agent apply; until then unbind the VIP or take this host off the network',
    }
  if (control.kind === 'no-vantage') {
    // A bridge for containers that has none, say: nobody can ask there.
    if (isUnplugged(nic) && !pathNics(wanted, found, vip).includes(nic))
      return { id, subject, verdict: 'skipped', evidence: control.why, hint: '' }
    return unknownSilence(id, subject, control.why, control.obstacle)
  }
  const { method, latencyMs, rounds } = control
  const evidence = `asked ${rounds} times on ${nic.name} (${method}): silent; its own address answered in ${latencyMs.toFixed(3)} ms before, and again after`
  const blind = nativeXdpOn(nic, found)
  if (blind !== null) return unknownSilence(id, subject, `${evidence}; but ${blind}`)
  return { id, subject, verdict: 'pass', evidence, hint: '' }
}

export function unknownSilence(
  id: SilenceId,
  subject: string,
  why: string,
  obstacle: Obstacle = 'refused',
): CheckResult {
  const hint =
    obstacle === 'missing-capability'
      ? 'needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (or CAP_SYS_ADMIN): run as root'
      : 'ask from another host of the segment: rs-agent probe VIP --target RIP'
  return { id, subject, verdict: 'unknown', evidence: `could not be proven: ${why}`, hint }
}

/** NICs that the configuration names and that cannot be asked. */
export function unknownOnAbsentNics(
  id: SilenceId,
  vips: readonly IpAddress[],
  { interfaces }: WantedRealServer,
  found: FoundHost,
): CheckResult[] {
  const present = arpNics(found.links).map(({ name }) => name)
  const absent = interfaces === 'auto' ? [] : interfaces.filter(name => !present.includes(name))
  return absent.flatMap(name =>
    vips.map(vip =>
      unknownSilence(id, `${vip} on ${name}`, `${name} cannot be asked: it is not there, or is no NIC`),
    ),
  )
}

/** An address of the NIC that must answer when asked for, or why there is none. */
export function controlAddress(
  nic: Link,
  vips: readonly IpAddress[],
  found: FoundHost,
  family: AddressFamily,
): IpAddress | { why: string } {
  if (isUnplugged(nic)) return { why: whyUnplugged(nic) }
  const own = found.addresses.filter(
    ({ link, address }) =>
      // A loopback address on a NIC is not asked for from outside.
      link === nic.name &&
      familyOf(address) === family &&
      !vips.includes(address) &&
      !address.startsWith('127.'),
  )
  // A question for an address whose uniqueness is just being tested would make the test fail.
  const beingTested = found.addresses.find(
    ({ address, tentative, duplicate }) => vips.includes(address) && tentative === true && duplicate !== true,
  )
  if (beingTested !== undefined) return { why: stillTentative(beingTested) }
  const duplicate = own.find(address => address.duplicate === true)
  if (duplicate !== undefined)
    return {
      why: `duplicate address detection failed for ${duplicate.address} on ${nic.name}: another host has it, and this one cannot be reached by it`,
    }
  const settled = own.find(({ tentative }) => tentative !== true)
  if (settled !== undefined) return settled.address
  const [unsettled] = own
  const why =
    unsettled === undefined
      ? `${nic.name} has no address of its own to ask for as a control`
      : stillTentative(unsettled)
  return { why }
}

function stillTentative({ address, link }: InterfaceAddress): string {
  return `${address} on ${link} is still tentative (duplicate address detection): ask again in two seconds`
}

function ownerOf(mac: string, nic: Link, { links }: FoundHost): string {
  const owner = mac === nic.mac ? undefined : links.find(link => link.mac === mac)
  return owner === undefined ? '' : ` (that of ${owner.name})`
}
