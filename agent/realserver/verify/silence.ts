import type { Network } from '../../host/netlink/network.ts'
import {
  byFirstMethod,
  type InjectionMethod,
  NoVantage,
  type Obstacle,
} from '../../host/vantage/injection.ts'
import { openSilenceVantage, type Protocol, type SilenceVantage } from '../../host/vantage/silence.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'

/**
 * The proof on the wire, the same for ARP and NDP: questions for the VIPs are injected on the NIC as if they
 * had arrived there, and a tap watches what leaves. The NIC's own address is asked for before and after;
 * without both of these answers silence proves nothing.
 */

const CONTROL_TIMEOUT_MS = 250
/** For an answer, in each round of questions: the worst of an idle host was 8 ms. */
const LEAST_WAIT_MS = 20
const WAIT_IN_CONTROL_LATENCIES = 5

export interface Questions {
  /** An address of the NIC that must answer when asked for. */
  control: IpAddress
  /** What this host may answer with; a macvlan of another namespace answers through the same NIC. */
  ownMacs: ReadonlySet<string>
  vips: readonly IpAddress[]
  /** Makes the host forget whom it answered; called after every round with an answer, and at the end. */
  forgetStranger(): Promise<void>
}

/** What the NIC did when it was asked for the VIPs. */
export interface Observation {
  /** VIPs that were answered for, with the MAC that was told: proof by itself. */
  answered: Map<IpAddress, string>
  /** How long the control took and how it was asked, or why the silence of the others proves nothing. */
  control:
    | { kind: 'answered'; method: InjectionMethod; latencyMs: number; rounds: number }
    | { kind: 'no-vantage'; why: string; obstacle: Obstacle }
}

export function withoutVantage(why: NoVantage): Observation {
  return { answered: new Map(), control: noVantage(why) }
}

/** Asks by the first injection method that gives a proof, one way or the other. */
export async function observeSilence(
  protocol: Protocol,
  nic: Link,
  network: Network,
  questions: Questions,
): Promise<Observation> {
  const answered: Observation['answered'] = new Map()
  try {
    return await byFirstMethod(async method => {
      const control = await attempt(method).catch(error => {
        // An answer for a VIP needs no control to be believed.
        if (error instanceof NoVantage && answered.size > 0) return noVantage(error)
        throw error
      })
      return { answered, control }
    })
  } catch (error) {
    if (!(error instanceof NoVantage)) throw error
    return withoutVantage(error)
  }

  async function attempt(method: InjectionMethod): Promise<Observation['control']> {
    const vantage = await openSilenceVantage(protocol, nic, method, network)
    try {
      const latencyMs = await interrogate(vantage, nic, questions, answered)
      return { kind: 'answered', method, latencyMs, rounds: protocol.rounds.length }
    } finally {
      vantage.close()
      await questions.forgetStranger()
    }
  }
}

function noVantage({ message, obstacle }: NoVantage): Observation['control'] {
  return { kind: 'no-vantage', why: message, obstacle }
}

/**
 * Asks for the control, the VIPs, and the control again, and notes who was answered for. Resolves with the
 * control's latency in ms; throws NoVantage when silence would prove nothing.
 */
async function interrogate(
  vantage: SilenceVantage,
  nic: Link,
  questions: Questions,
  answered: Observation['answered'],
): Promise<number> {
  const latencyMs = await askControl(vantage, nic, questions)
  const waitMs = Math.max(LEAST_WAIT_MS, WAIT_IN_CONTROL_LATENCIES * latencyMs)
  const unseen = new Set<IpAddress>(questions.vips)
  for (const manners of vantage.rounds) {
    // Known to be answered for: there is nothing more to learn.
    for (const vip of questions.vips)
      if (!answered.has(vip)) for (const manner of manners) vantage.ask(vip, manner)
    await collect(vantage, waitMs, nic, questions, { answered, unseen })
    if (answered.size > 0) await questions.forgetStranger()
  }
  await askControl(vantage, nic, questions)
  const dropped = vantage.takeDropCount()
  if (dropped > 0) throw new NoVantage('unanswered', `${vantage.method}: the tap lost ${dropped} frames`)
  const lost = [...unseen].find(vip => !answered.has(vip))
  if (lost !== undefined)
    throw new NoVantage('unanswered', `${vantage.method}: the question for ${lost} did not arrive`)
  return latencyMs
}

/** Milliseconds from the question for the NIC's own address to its answer. */
async function askControl(vantage: SilenceVantage, { mac }: Link, { control }: Questions): Promise<number> {
  vantage.ask(control, 'control')
  const deadline = performance.now() + CONTROL_TIMEOUT_MS
  let askedUs: number | null = null
  for (let left = CONTROL_TIMEOUT_MS; left > 0; left = deadline - performance.now())
    for (const passage of await vantage.watch(left)) {
      if (passage.mac !== mac || passage.address !== control) continue
      if (passage.kind === 'question') askedUs = passage.timestampUs
      // Only an answer to our probe counts: the host's own talk names the same sender.
      else if (passage.answersProbe && askedUs !== null) return (passage.timestampUs - askedUs) / 1000
    }
  const why = askedUs === null ? 'did not arrive' : 'was not answered'
  throw new NoVantage('unanswered', `${vantage.method}: the control question for ${control} ${why}`)
}

async function collect(
  vantage: SilenceVantage,
  waitMs: number,
  { mac }: Link,
  { ownMacs, vips }: Questions,
  { answered, unseen }: { answered: Observation['answered']; unseen: Set<IpAddress> },
): Promise<void> {
  const asked = new Set(vips)
  const deadline = performance.now() + waitMs
  for (let left = waitMs; left > 0; left = deadline - performance.now())
    for (const passage of await vantage.watch(left)) {
      if (passage.kind === 'question' && passage.mac === mac) unseen.delete(passage.address)
      if (passage.kind === 'claim' && asked.has(passage.address) && ownMacs.has(passage.mac))
        answered.set(passage.address, passage.mac)
    }
}
