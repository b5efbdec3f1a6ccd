import { setTimeout as sleep } from 'node:timers/promises'
import { NOBODY, openSegmentAsker, type SegmentAsker } from '../host/vantage/segment.ts'
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
  const found = new Map<string, Answered>()
  const startedUs = nowUs()
  const end = performance.now() + waitMs
  try {
    const asking = askInRounds(asker, collecting, end)
    // Its failure is looked at below; until then it must not count as nobody's.
    asking.catch(() => undefined)
    for (let left = waitMs; left > 0; left = end - performance.now()) {
      for (const { address, mac, timestampUs } of await asker.watch(left)) {
        if (!addresses.includes(address)) continue
        const key = `${address} ${mac}`
        const known = found.get(key)
        if (known !== undefined) known.count++
        else
          found.set(key, { address, mac, count: 1, latencyMs: Math.max(0, (timestampUs - startedUs) / 1000) })
      }
      if (untilAnswered === true && found.size > 0) return [...found.values()]
    }
    await asking
  } finally {
    asker.close()
  }
  return [...found.values()]
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

function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000
}
