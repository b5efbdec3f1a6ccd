import { setTimeout as sleep } from 'node:timers/promises'
import type { Network } from '../host/netlink/network.ts'
import { arpProtocol } from '../host/vantage/arp.ts'
import { byFirstMethod, NoVantage } from '../host/vantage/injection.ts'
import { NOBODY, openSegmentAsker, type SegmentAsker } from '../host/vantage/segment.ts'
import { openSilenceVantage, type SilenceVantage } from '../host/vantage/silence.ts'
import { type AddressFamily, familyOf, hostPrefixLength, type IpAddress } from '../model/address.ts'
import type { Link } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'

/** Questions to the segment of a NIC, repeated, and the answers to them. */

/** When the questions go out: one lost frame must not make an owner invisible. */
const ROUNDS_AT_MS = [0, 100, 300] as const

/**
 * Whom questions on the NIC may name as their sender, the one that leaves no trace first. Never one of `except`:
 * a question in the name of a VIP would announce it.
 */
export function sendersOn(
  { name }: Link,
  { addresses }: Pick<FoundHost, 'addresses'>,
  except: readonly IpAddress[],
  family: AddressFamily,
): IpAddress[] {
  const own = addresses
    .filter(({ link, address }) => link === name && familyOf(address) === family && !except.includes(address))
    .filter(({ tentative, duplicate }) => tentative !== true && duplicate !== true)
    // An address of its own alone may well be a VIP that this configuration does not know.
    .filter(({ address, prefixLength }) => prefixLength < hostPrefixLength(address))
    .map(({ address }) => address)
  // A host with arp_ignore 2 answers only a sender of its own subnet.
  if (family === 4) return [NOBODY, ...own.slice(0, 1)]
  // RFC 4861: an owner that is just testing its own address would take a question from nobody for a duplicate.
  const linkLocal = own.find(address => address.startsWith('fe80:'))
  return [linkLocal, ...own].filter(address => address !== undefined).slice(0, 1)
}

/** A host that answered for an address. */
export interface Answered {
  address: IpAddress
  mac: string
  latencyMs: number
  count: number
}

export interface Collecting {
  nic: Link
  family: AddressFamily
  addresses: readonly IpAddress[]
  /** Senders of the questions; the last one only for the last round. */
  from: readonly IpAddress[]
  waitMs: number
  /** A MAC that is asked alone. */
  to?: string
  /** Ends the wait with the first answer. */
  untilAnswered?: true
}

/** Asks, and collects who answers. Throws NoVantage where the NIC cannot be asked. */
export async function collectAnswers(collecting: Collecting): Promise<Answered[]> {
  const { nic, family, addresses, waitMs, untilAnswered } = collecting
  const asker = openSegmentAsker(nic, family)
  const answers = new Answers()
  const end = performance.now() + waitMs
  try {
    const asking = askInRounds(asker, collecting, end)
    // Its failure is looked at below; until then it must not count as nobody's.
    asking.catch(() => undefined)
    for (let left = waitMs; left > 0; left = end - performance.now()) {
      for (const answer of await asker.watch(left))
        if (addresses.includes(answer.address)) answers.note(answer)
      if (untilAnswered === true && answers.all().length > 0) return answers.all()
    }
    await asking
  } finally {
    asker.close()
  }
  return answers.all()
}

async function askInRounds(
  asker: SegmentAsker,
  { addresses, from, to = 'everybody' }: Collecting,
  end: number,
): Promise<void> {
  const startedAt = performance.now()
  for (const [round, atMs] of ROUNDS_AT_MS.entries()) {
    if (atMs > 0) await sleep(Math.max(0, startedAt + atMs - performance.now()))
    if (performance.now() >= end) return
    const sender = round < ROUNDS_AT_MS.length - 1 ? from[0] : from.at(-1)
    if (sender !== undefined) for (const address of addresses) asker.ask(address, sender, to)
  }
}

export interface AskingGuests {
  nic: Link
  network: Network
  /** IPv4. */
  addresses: readonly IpAddress[]
  /** Whose answers are this host's own. */
  ownMacs: ReadonlySet<string>
}

/** How long a guest may take, after each of two questions. */
const GUEST_WAIT_MS = 150

/**
 * Asks the guests of this host: a container or a virtual machine on a macvlan of the NIC is heard by the whole
 * segment, and does not hear what this host itself sends. What they hear has arrived: so the question is injected.
 * Nobody answers where that cannot be done.
 */
export async function collectGuestAnswers(asking: AskingGuests): Promise<Answered[]> {
  const { nic, network } = asking
  try {
    return await byFirstMethod(async method => {
      const vantage = await openSilenceVantage(arpProtocol(null), nic, method, network)
      try {
        return await askGuests(vantage, asking)
      } finally {
        vantage.close()
      }
    })
  } catch (error) {
    if (error instanceof NoVantage) return []
    throw error
  }
}

async function askGuests(
  vantage: SilenceVantage,
  { nic, addresses, ownMacs }: AskingGuests,
): Promise<Answered[]> {
  const answers = new Answers()
  let hasArrived = false
  for (let round = 0; round < 2; round++) {
    for (const address of addresses) vantage.ask(address, 'to everybody')
    const end = performance.now() + GUEST_WAIT_MS
    for (let left = GUEST_WAIT_MS; left > 0; left = end - performance.now())
      for (const passage of await vantage.watch(left))
        if (passage.kind === 'question') hasArrived ||= passage.mac === nic.mac
        else if (addresses.includes(passage.address) && !ownMacs.has(passage.mac)) answers.note(passage)
  }
  if (!hasArrived) throw new NoVantage('unanswered', `${vantage.method}: the questions did not arrive`)
  return answers.all()
}

/** Answers to questions that begin now, by address and MAC. */
class Answers {
  readonly #found = new Map<string, Answered>()
  readonly #startedUs = nowUs()

  note({ address, mac, timestampUs }: { address: IpAddress; mac: string; timestampUs: number }): void {
    const key = `${address} ${mac}`
    const known = this.#found.get(key)
    if (known !== undefined) known.count++
    else {
      const latencyMs = Math.max(0, (timestampUs - this.#startedUs) / 1000)
      this.#found.set(key, { address, mac, count: 1, latencyMs })
    }
  }

  all(): Answered[] {
    return [...this.#found.values()]
  }
}

function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000
}
