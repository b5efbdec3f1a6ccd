import { setTimeout as sleep } from 'node:timers/promises'
import { NOBODY, openSegmentAsker, type SegmentAsker } from '../host/vantage/segment.ts'
import { type AddressFamily, familyOf, type IpAddress } from '../model/address.ts'
import type { Link, Neighbour } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'

/** Who answers for an address on the segment, by name: the names come from asking for the hosts that are known. */

/** A host that proxies delays its answer by up to 0.8 s (net.ipv4.neigh.*.proxy_delay); a busy one is slow. */
export const OWNER_WAIT_MS = 1_500
/** When the questions go out: one lost frame must not make an owner invisible. */
const ROUNDS_AT_MS = [0, 100, 300] as const

export type Role = 'director' | 'sibling' | 'this host' | 'stranger'

/** A host that answered for an address. */
export interface Claimant {
  mac: string
  role: Role
  /** What it answers for beside the VIP: addresses that are known, or that this host's neighbour table knows. */
  addresses: IpAddress[]
  /** From the first question to the first answer. */
  latencyMs: number
  answers: number
}

export interface KnownHosts {
  directors: readonly IpAddress[]
  siblings: readonly IpAddress[]
}

export interface Survey {
  claimants: Map<IpAddress, Claimant[]>
  /** The known hosts that answered for their own address. */
  alive: ReadonlySet<IpAddress>
}

export interface SurveyRequest {
  nic: Link
  /** What is asked about. */
  targets: readonly IpAddress[]
  known: KnownHosts
  found: Pick<FoundHost, 'addresses' | 'links'>
  neighbours: readonly Neighbour[]
  waitMs?: number
}

/** Asks everybody on the NIC's segment. Throws NoVantage where the NIC cannot be asked. */
export async function surveyOwners(request: SurveyRequest): Promise<Survey> {
  const { nic, targets, known, found, neighbours, waitMs = OWNER_WAIT_MS } = request
  const asked = [...new Set([...targets, ...known.directors, ...known.siblings])]
  // Never in the name of what is asked about: that would announce it.
  const senders = (family: AddressFamily): IpAddress[] => sendersOn(nic, found, asked, family)
  const families = [...new Set(asked.map(familyOf))].filter(family => senders(family).length > 0)
  const answers = (
    await Promise.all(
      families.map(family =>
        collectAnswers({
          nic,
          family,
          addresses: asked.filter(address => familyOf(address) === family),
          from: senders(family),
          waitMs,
        }),
      ),
    )
  ).flat()
  const macsOf = Map.groupBy(answers, ({ address }) => address)
  const ownersOf = (address: IpAddress): string[] => (macsOf.get(address) ?? []).map(({ mac }) => mac)
  const claimants = targets.map(
    target =>
      [
        target,
        (macsOf.get(target) ?? []).map(({ mac, latencyMs, count }): Claimant => {
          const isOwner = (address: IpAddress): boolean => ownersOf(address).includes(mac)
          const directors = known.directors.filter(isOwner)
          const siblings = known.siblings.filter(isOwner)
          const others = neighbours
            .filter(
              neighbour => neighbour.mac === mac && !neighbour.proxy && !targets.includes(neighbour.address),
            )
            .map(({ address }) => address)
          const ownNics = found.links.filter(link => link.mac === mac)
          const addresses = [...directors, ...siblings]
          return {
            mac,
            role: roleOf({ mac, directors, siblings, isOwn: ownNics.length > 0 }),
            latencyMs,
            answers: count,
            addresses: addresses.length > 0 ? addresses : others,
          }
        }),
      ] as const,
  )
  const alive = new Set([...known.directors, ...known.siblings].filter(address => macsOf.has(address)))
  return { claimants: new Map(claimants), alive }
}

/** How long one host has to answer when it is asked alone. */
const TARGET_WAIT_MS = 500

/** What one host answers when it is asked alone, by unicast, after it answered for its own address. */
export async function questionTarget({
  nic,
  vip,
  target,
  known,
  found,
}: {
  nic: Link
  vip: IpAddress
  target: IpAddress
  known: KnownHosts
  found: Pick<FoundHost, 'addresses' | 'links'>
}): Promise<{ isThere: boolean; owner: Claimant | null }> {
  const family = familyOf(vip)
  const from = sendersOn(nic, found, [vip, target], family)
  const its = await collectAnswers({
    nic,
    family,
    addresses: [target],
    from,
    waitMs: TARGET_WAIT_MS,
    untilAnswered: true,
  })
  const mac = its[0]?.mac
  if (mac === undefined) return { isThere: false, owner: null }
  const [answer] = await collectAnswers({
    nic,
    family,
    addresses: [vip],
    from,
    waitMs: TARGET_WAIT_MS,
    to: mac,
  })
  // Silence counts only while it can still be heard.
  const isThere =
    answer !== undefined ||
    (
      await collectAnswers({
        nic,
        family,
        addresses: [target],
        from,
        waitMs: TARGET_WAIT_MS,
        untilAnswered: true,
      })
    ).length > 0
  if (answer === undefined) return { isThere, owner: null }
  const role = known.directors.includes(target)
    ? 'director'
    : known.siblings.includes(target)
      ? 'sibling'
      : 'stranger'
  const { latencyMs, count } = answer
  return { isThere, owner: { mac: answer.mac, role, addresses: [target], latencyMs, answers: count } }
}

function roleOf(who: {
  mac: string
  directors: readonly IpAddress[]
  siblings: readonly IpAddress[]
  isOwn: boolean
}): Role {
  // Asked on one NIC, another NIC of this host on the same segment may answer.
  if (who.isOwn) return 'this host'
  if (who.directors.length > 0 || isVirtualRouter(who.mac)) return 'director'
  return who.siblings.length > 0 ? 'sibling' : 'stranger'
}

/** VRRP's virtual MACs (RFC 9568, 7.3) are nobody's own: whoever is master answers with them. */
export function isVirtualRouter(mac: string): boolean {
  return mac.startsWith('00:00:5e:00:01:') || mac.startsWith('00:00:5e:00:02:')
}

/** `director 10.10.10.11 (02:00:00:00:02:00)`. */
export function nameOf({ mac, role, addresses }: Claimant): string {
  if (addresses.length > 0) return `${role} ${addresses.join(', ')} (${mac})`
  return isVirtualRouter(mac)
    ? `VRRP router ${Number.parseInt(mac.slice(-2), 16)} (${mac})`
    : `${role} ${mac}`
}

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
    .map(({ address }) => address)
  // A host with arp_ignore 2 answers only a sender of its own subnet.
  if (family === 4) return [NOBODY, ...own.slice(0, 1)]
  // RFC 4861: an owner that is just testing its own address would take a question from nobody for a duplicate.
  const linkLocal = own.find(address => address.startsWith('fe80:'))
  return [linkLocal, ...own].filter(address => address !== undefined).slice(0, 1)
}

interface Answered {
  address: IpAddress
  mac: string
  latencyMs: number
  count: number
}

interface Collecting {
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

async function collectAnswers(collecting: Collecting): Promise<Answered[]> {
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
