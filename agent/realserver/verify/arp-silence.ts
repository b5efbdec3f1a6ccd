import {
  type ArpVantage,
  INJECTION_METHODS,
  type InjectionMethod,
  NoVantage,
  openArpVantage,
} from '../../host/arp-vantage.ts'
import { hasCapability } from '../../host/capabilities.ts'
import type { Host } from '../../host/host.ts'
import { familyOf, type IpAddress, isInSubnet } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import { arpNics, facingNics } from '../nics.ts'
import type { CheckResult } from './check.ts'

/**
 * The proof on the wire: requests for the VIP are injected on the NIC as if they had arrived there, and a
 * tap watches what leaves. This host's own address (RIP) is asked for before and after; without both of
 * these answers silence proves nothing, and the verdict is unknown.
 */

/** RFC 5227: a request with this sender leaves no trace in anybody's ARP table. */
const ARP_REPLY = 2
const PROBE_SENDER = '0.0.0.0' as IpAddress
const CONTROL_TIMEOUT_MS = 250
/** Rounds of requests for the VIPs, and the least wait for an answer in each: the worst of an idle host was 8 ms. */
const ROUNDS = 3
const LEAST_WAIT_MS = 20
const WAIT_IN_CONTROL_LATENCIES = 5

/** What the NIC did when it was asked for the VIPs. */
interface Observation {
  /** VIPs that were answered for, with the MAC that was told: proof by itself. */
  answered: Map<IpAddress, string>
  /** How long the control took and how it was asked, or why the silence of the others proves nothing. */
  control: { kind: 'answered'; method: string; latencyMs: number } | { kind: 'no-vantage'; why: string }
}

export async function checkArpSilence(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const vips = ipv4Vips(wanted)
  if (vips.length === 0) return []
  const nics = facingNics(wanted, found)
  const absent = absentNics(wanted, found)
  const results: CheckResult[] = []
  for (const name of absent)
    results.push(
      ...vips.map(vip =>
        unknown(`${vip} on ${name}`, `${name} cannot be asked: it is not there, or is no NIC`),
      ),
    )
  // One NIC after the other: with all asked at once a slow answer of one could not be told from silence.
  for (const nic of nics) {
    const observation = await observeNic(host, nic, vips, found)
    results.push(...vips.map(vip => judge(vip, nic, observation)))
  }
  if (results.length > 0) return results
  return vips.map(vip => unknown(vip, 'no NIC of this host has an IPv4 address to ask from'))
}

function absentNics({ interfaces }: WantedRealServer, found: FoundHost): string[] {
  const present = arpNics(found.links).map(({ name }) => name)
  return interfaces === 'auto' ? [] : interfaces.filter(name => !present.includes(name))
}

async function observeNic(
  host: Host,
  nic: Link,
  vips: readonly IpAddress[],
  found: FoundHost,
): Promise<Observation> {
  if (!nic.up) return noVantage(`${nic.name} is down`)
  if (!nic.carrier) return noVantage(`${nic.name} has no carrier`)
  const control = controlAddress(nic, vips, found)
  if (control === null) return noVantage(`${nic.name} has no address of its own to ask for as a control`)
  const ownMacs = new Set(found.links.map(({ mac }) => mac))
  const questions = { control, mac: nic.mac, ownMacs, vips, stranger: safeStranger(found) }
  const refusals: string[] = []
  for (const method of INJECTION_METHODS) {
    const observation = await observeBy(method, host, nic, questions)
    if (observation.control.kind === 'answered' || observation.answered.size > 0) return observation
    refusals.push(observation.control.why)
  }
  return noVantage([...new Set(refusals)].join('; '))
}

interface Questions {
  control: IpAddress
  /** The NIC's own MAC: the sender of our questions, and of the control's answers. */
  mac: string
  /** What this host may answer with; a macvlan of another namespace answers through the same NIC. */
  ownMacs: ReadonlySet<string>
  vips: readonly IpAddress[]
  /** A sender for an ordinary request; null where none is safe. */
  stranger: IpAddress | null
}

async function observeBy(
  method: InjectionMethod,
  host: Host,
  nic: Link,
  questions: Questions,
): Promise<Observation> {
  const answered: Observation['answered'] = new Map()
  let vantage: ArpVantage | null = null
  try {
    vantage = await openArpVantage(nic, method, host.network)
    const latencyMs = await interrogate(vantage, questions, answered)
    return { answered, control: { kind: 'answered', method, latencyMs } }
  } catch (error) {
    if (!(error instanceof NoVantage)) throw error
    return { answered, control: { kind: 'no-vantage', why: error.message } }
  } finally {
    vantage?.close()
    // A host that answered a stranger also noted it as a neighbour.
    if (vantage !== null && questions.stranger !== null)
      await host.network.forgetNeighbour(questions.stranger, nic.index)
  }
}

function noVantage(why: string): Observation {
  return { answered: new Map(), control: { kind: 'no-vantage', why } }
}

/**
 * Asks for the control, the VIPs, and the control again, and notes who was answered for. Resolves with the
 * control's latency in ms; throws NoVantage when silence would prove nothing.
 */
async function interrogate(
  vantage: ArpVantage,
  questions: Questions,
  answered: Observation['answered'],
): Promise<number> {
  const { vips, stranger } = questions
  const latencyMs = await askControl(vantage, questions)
  const waitMs = Math.max(LEAST_WAIT_MS, WAIT_IN_CONTROL_LATENCIES * latencyMs)
  const unseen = new Set<string>(vips)
  for (let round = 0; round < ROUNDS; round++) {
    for (const vip of vips) {
      vantage.ask(vip, PROBE_SENDER, 'everybody')
      // The second kind of question: a host that answers for others (proxy_arp) is silent to probes.
      if (stranger !== null && round === ROUNDS - 1 && !answered.has(vip))
        vantage.ask(vip, stranger, 'this NIC')
    }
    await collect(vantage, waitMs, questions, { answered, unseen })
  }
  await askControl(vantage, questions)
  const dropped = vantage.takeDropCount()
  if (dropped > 0) throw new NoVantage(`${vantage.method}: the tap lost ${dropped} frames`)
  if (unseen.size > 0)
    throw new NoVantage(`${vantage.method}: the question for ${[...unseen][0]} did not arrive`)
  return latencyMs
}

/** Milliseconds from the question for the host's own address to its answer. */
async function askControl(vantage: ArpVantage, { control, mac }: Questions): Promise<number> {
  vantage.ask(control, PROBE_SENDER, 'everybody')
  const deadline = performance.now() + CONTROL_TIMEOUT_MS
  let askedUs: number | null = null
  for (let left = CONTROL_TIMEOUT_MS; left > 0; left = deadline - performance.now())
    for (const { outgoing, timestampUs, packet } of await vantage.watch(left)) {
      if (packet.senderMac !== mac) continue
      if (!outgoing && packet.targetIp === control) askedUs = timestampUs
      // Only a reply to our probe counts: the host's own questions name the same sender.
      const isAnswer = outgoing && packet.operation === ARP_REPLY && packet.targetIp === PROBE_SENDER
      if (isAnswer && packet.senderIp === control && askedUs !== null) return (timestampUs - askedUs) / 1000
    }
  const why = askedUs === null ? 'did not arrive' : 'was not answered'
  throw new NoVantage(`${vantage.method}: the control question for ${control} ${why}`)
}

async function collect(
  vantage: ArpVantage,
  waitMs: number,
  { mac, ownMacs, vips }: Questions,
  { answered, unseen }: { answered: Observation['answered']; unseen: Set<string> },
): Promise<void> {
  const asked = new Set(vips)
  const deadline = performance.now() + waitMs
  for (let left = waitMs; left > 0; left = deadline - performance.now())
    for (const { outgoing, packet } of await vantage.watch(left)) {
      const sender = packet.senderIp as IpAddress
      if (!outgoing && packet.senderMac === mac) unseen.delete(packet.targetIp)
      if (outgoing && asked.has(sender) && ownMacs.has(packet.senderMac))
        answered.set(sender, packet.senderMac)
    }
}

function judge(vip: IpAddress, nic: Link, { answered, control }: Observation): CheckResult {
  const subject = `${vip} on ${nic.name}`
  const mac = answered.get(vip)
  if (mac !== undefined)
    return {
      id: 'arp-silence',
      subject,
      verdict: 'fail',
      evidence: `asked on ${nic.name}, this host answered with ${mac}: clients are told that it owns the VIP`,
      hint: 'rs-agent apply; until then unbind the VIP or take this host off the network',
    }
  if (control.kind === 'no-vantage') return unknown(subject, control.why)
  const { method, latencyMs } = control
  const evidence = `asked ${ROUNDS} times on ${nic.name} (${method}): silent; its own address answered in ${latencyMs.toFixed(3)} ms before, and again after`
  return { id: 'arp-silence', subject, verdict: 'pass', evidence, hint: '' }
}

function unknown(subject: string, why: string): CheckResult {
  const hint = /EPERM|EACCES/.test(why)
    ? 'needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (or CAP_SYS_ADMIN): run as root'
    : 'ask from another host of the segment: arping -c 3 VIP'
  return { id: 'arp-silence', subject, verdict: 'unknown', evidence: `could not be proven: ${why}`, hint }
}

/** An address of the NIC that must answer when asked for. */
function controlAddress(nic: Link, vips: readonly IpAddress[], found: FoundHost): IpAddress | null {
  const own = found.addresses.find(
    ({ link, address }) =>
      // A loopback address on a NIC is not asked for from outside.
      link === nic.name && familyOf(address) === 4 && !vips.includes(address) && !address.startsWith('127.'),
  )
  return own?.address ?? null
}

/** RFC 5737 addresses: nobody's. One that lies in a subnet of this host may be a lab's, and is not used. */
const STRANGERS = ['192.0.2.77', '198.51.100.77', '203.0.113.77'] as IpAddress[]

/** Null where a stranger could be a neighbour, or could not be made forgotten again. */
function safeStranger(found: FoundHost): IpAddress | null {
  if (!hasCapability('CAP_NET_ADMIN')) return null
  const isKnown = (stranger: IpAddress): boolean =>
    found.addresses.some(({ address, prefixLength }) => isInSubnet(stranger, address, prefixLength))
  return STRANGERS.find(stranger => !isKnown(stranger)) ?? null
}
