import { hasErrno, messageOf } from '../../errors.ts'
import { type ArpRequestTrap, NoTrap } from '../../host/arp-request-trap.ts'
import type { Host } from '../../host/host.ts'
import { provokeArpRequest } from '../../host/native.ts'
import type { IpAddress } from '../../model/address.ts'
import { isQuiet, whatLoudDoes } from '../../model/arp.ts'
import type { Link } from '../../model/network.ts'
import { isUnplugged, whyUnplugged } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { arpSysctlPath, effectiveOn } from '../arp-sysctl.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import { facingNics, pathNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { isOnLink } from './strangers.ts'

/**
 * Asking for others, this host never names a VIP as the sender: that would overwrite its neighbours' entries
 * as surely as a reply. The kernel is made to ask, with the VIP as the source of a packet; a table of our own
 * counts and drops what it asks, so that nothing reaches the wire.
 */

/** RFC 5737: whom the kernel is made to ask for; one per process, so that two runs do not disturb each other. */
const LAST_BYTE = 1 + (process.pid % 70)
const TARGETS = ['192.0.2', '198.51.100', '203.0.113'].map(
  network => `${network}.${LAST_BYTE}`,
) as IpAddress[]

export async function checkArpAnnounce(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const bound = new Set(found.addresses.map(({ address }) => address))
  const results: CheckResult[] = []
  const quiet: Pair[] = []
  for (const nic of facingNics(wanted, found, 4))
    for (const vip of ipv4Vips(wanted)) {
      const subject = `${vip} on ${nic.name}`
      const announce = effectiveOn(nic.name, 'arp_announce', found.sysctls)
      if (announce === null) results.push(unknown(subject, `arp_announce of ${nic.name} cannot be read`))
      else if (!isQuiet('arp_announce', announce)) results.push(loud(subject, nic, announce))
      else if (!bound.has(vip)) results.push(skipped(subject, `${vip} is not bound: nothing to announce`))
      else if (isUnplugged(nic) && !pathNics(wanted, found, vip).includes(nic))
        results.push(skipped(subject, whyUnplugged(nic)))
      else if (isUnplugged(nic)) results.push(unknown(subject, whyUnplugged(nic)))
      else quiet.push({ vip, nic, evidence: `arp_announce ${announce}` })
    }
  return [...results, ...(await provokeAll(host, found, quiet))]
}

interface Pair {
  vip: IpAddress
  nic: Link
  /** The value in force. */
  evidence: string
}

async function provokeAll(host: Host, found: FoundHost, pairs: readonly Pair[]): Promise<CheckResult[]> {
  if (pairs.length === 0) return []
  const target = TARGETS.find(address => !isOnLink(address, found))
  if (target === undefined)
    return pairs.map(({ vip, nic }) =>
      unknown(`${vip} on ${nic.name}`, 'every test address lies in a subnet of this host'),
    )
  const trap = await host.netfilter
    .openArpRequestTrap({ target, senders: pairs.map(({ vip }) => vip) })
    .catch(error => (error instanceof NoTrap ? error : Promise.reject(error)))
  if (trap instanceof NoTrap)
    return pairs.map(({ vip, nic }) => unknown(`${vip} on ${nic.name}`, trap.message, CURES[trap.obstacle]))
  try {
    const results: CheckResult[] = []
    for (const [nic, ofNic] of Map.groupBy(pairs, ({ nic }) => nic))
      results.push(...(await provokeOn(host, nic, ofNic, { target, trap })))
    return results
  } finally {
    await trap.close()
  }
}

/** All VIPs of one NIC, with one look at the counters before and after: they tell the VIPs apart. */
async function provokeOn(
  host: Host,
  nic: Link,
  pairs: readonly Pair[],
  { target, trap }: { target: IpAddress; trap: ArpRequestTrap },
): Promise<CheckResult[]> {
  const before = await trap.counts()
  const refusals: (Refusal | null)[] = []
  for (const { vip } of pairs) refusals.push(await provoke(host, nic, vip, target))
  const after = await trap.counts()
  const claims = pairs.map(({ vip }) => (after.bySender.get(vip) ?? 0) - (before.bySender.get(vip) ?? 0))
  const asked = claims.reduce((sum, count) => sum + count, after.others - before.others)
  const provoked = refusals.filter(refusal => refusal === null).length
  return pairs.map(({ vip, evidence }, index) => {
    const subject = `${vip} on ${nic.name}`
    const refusal = refusals[index] ?? null
    if (refusal !== null) return unknown(subject, refusal.why, refusal.hint)
    if ((claims[index] ?? 0) > 0) return caught(subject, vip, nic, evidence)
    if (asked < provoked)
      return unknown(subject, `provoked ${provoked} times, the kernel asked ${asked} times on ${nic.name}`)
    return {
      id: 'arp-announce',
      subject,
      verdict: 'pass',
      evidence: `${evidence}; made to ask for ${target} with a packet from ${vip}, the kernel named another sender (dropped before the wire)`,
      hint: '',
    }
  })
}

interface Refusal {
  why: string
  hint: string
}

/** Null when the kernel was made to ask; why not, else. */
async function provoke(host: Host, nic: Link, vip: IpAddress, target: IpAddress): Promise<Refusal | null> {
  for (const isLast of [false, true])
    try {
      provokeArpRequest(nic.index, vip, target)
      return null
    } catch (error) {
      // A run that was killed in the middle may have left the entry behind.
      if (!hasErrno(error, 'EEXIST') || isLast) {
        const isMissing = hasErrno(error, 'EPERM', 'EACCES')
        return { why: messageOf(error), hint: CURES[isMissing ? 'missing-capability' : 'refused'] }
      }
      await host.network.forgetNeighbour(target, nic.index)
    }
  return null
}

function loud(subject: string, { name }: Link, announce: number): CheckResult {
  return {
    id: 'arp-announce',
    subject,
    verdict: 'fail',
    evidence: `arp_announce ${announce}: this host ${whatLoudDoes('arp_announce', announce)}, and steals it without ever answering`,
    hint: `rs-agent apply, or: sysctl -w ${['all', name].map(scope => `${arpSysctlPath(scope, 'arp_announce')}=2`).join(' ')}`,
  }
}

function caught(subject: string, vip: IpAddress, { name }: Link, evidence: string): CheckResult {
  return {
    id: 'arp-announce',
    subject,
    verdict: 'fail',
    evidence: `${evidence}, and yet the kernel named ${vip} as the sender of a question on ${name}`,
    hint: `has ${name} an address of its own? ip addr show dev ${name}; without one the kernel takes the VIP`,
  }
}

const CURES: Record<NoTrap['obstacle'], string> = {
  'missing-capability':
    'needs CAP_NET_ADMIN and CAP_NET_RAW (run as root), and a firewall that lets a datagram out: nft list ruleset',
  refused: 'watch for it from another host: tcpdump -n arp and host VIP',
}

function unknown(subject: string, why: string, hint = CURES.refused): CheckResult {
  return { id: 'arp-announce', subject, verdict: 'unknown', evidence: `could not be provoked: ${why}`, hint }
}

function skipped(subject: string, evidence: string): CheckResult {
  return { id: 'arp-announce', subject, verdict: 'skipped', evidence, hint: '' }
}
