import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../host/host.ts'
import { NoVantage } from '../../host/vantage/injection.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { roleOf, surveyOwners } from '../../segment/owners.ts'
import type { Claim } from '../sentinel.ts'
import { judgeClaimant, type Verdict } from './claimant-verdict.ts'

/**
 * Finds out who is behind the MAC of a claim. A director's MAC changes when another takes over: whoever is not known
 * is asked for, after the claim and not too often, before anybody raises an alarm.
 */
export interface Claimants {
  /** Tells `found` of the claim, now or once the segment was asked. A director's is nobody's concern. */
  hear(heard: HeardClaim): void
  /** Learns the MACs of the directors while all is well: one that claims, and then dies, is known. */
  learn(nic: Link): void
}

/** A claim of a host that is not known to be this one. */
export interface HeardClaim {
  claim: Claim
  /** `a guest`: it left this host, with the MAC of somebody else, such as a virtual machine of a bridge. */
  from: 'the segment' | 'a guest'
}

export interface ClaimantsOptions {
  host: Pick<Host, 'network' | 'sysctl'>
  nics: readonly Link[]
  vips: readonly IpAddress[]
  directors: readonly IpAddress[]
  siblings: readonly IpAddress[]
  signal: AbortSignal
  /** `count`: how many claims it is, this one the latest. */
  found(
    heard: HeardClaim & { count: number },
    verdict: Exclude<Verdict, { kind: 'rightful' | 'unsettled' }>,
  ): void
  /** After each attempt: why the segment could not be asked, if that is not because of its NIC. */
  asked(failure: Error | null): void
}

/** How long a host may take to answer: one that proxies delays it by up to 0.8 s. */
const ANSWER_MS = 1_000
/** From the beginning of one survey of a NIC's segment to that of the next. */
const SURVEY_EVERY_MS = 2_000
/** After one that did not tell. A director that restarts is there by then, or claims again. */
const RETRY_AFTER_MS = 5_000
/** One that is gone for good after its only claim is let go. */
const MAX_SURVEYS = 3
/** A host may become a director's stand-in, or cease to be one: then it is asked for anew. */
const VERDICT_FOR_MS = 10_000
/** At a time and NIC; a flood may name a new MAC in each frame. */
const MAX_SUSPECTS = 64
const MAX_KNOWN = 256

interface Suspect extends HeardClaim {
  count: number
  /** In which it did not answer. */
  surveys: number
  /** It claimed since the last of them began. */
  hasClaimed: boolean
}

export function openClaimants(options: ClaimantsOptions): Claimants {
  const { host, nics, vips, signal } = options
  const known = { vips, directors: ipv4(options.directors), siblings: ipv4(options.siblings) }
  const suspectsOn = new Map(nics.map(({ name }) => [name, new Map<string, Suspect>()]))
  const isAsking = new Set<string>()
  const directorMacs = new Set<string>()
  const judged = new Map<string, { verdict: Verdict; untilMs: number }>()

  function hear({ claim, from }: HeardClaim): void {
    const { mac, nic, vip } = claim
    if (isDirectors(mac)) return
    const last = judged.get(mac)
    if (last !== undefined && last.untilMs > performance.now()) {
      tell({ claim, from, count: 1 }, last.verdict)
      return
    }
    const suspects = suspectsOn.get(nic)
    if (suspects === undefined) return
    const suspect = suspects.get(`${vip} ${mac}`)
    if (suspect !== undefined) Object.assign(suspect, { claim, count: suspect.count + 1, hasClaimed: true })
    else if (suspects.size < MAX_SUSPECTS)
      suspects.set(`${vip} ${mac}`, { claim, from, count: 1, surveys: 0, hasClaimed: true })
    ask(nic)
  }

  function isDirectors(mac: string): boolean {
    return directorMacs.has(mac) || roleOf({ mac, directors: [], siblings: [], isOwn: false }) === 'director'
  }

  function ask(name: string): void {
    const nic = nics.find(each => each.name === name)
    const suspects = suspectsOn.get(name)
    if (nic === undefined || suspects === undefined || isAsking.has(name)) return
    isAsking.add(name)
    void untilSettled(nic, suspects).finally(() => {
      isAsking.delete(name)
      // Heard since it was settled.
      if (suspects.size > 0 && !signal.aborted) ask(name)
    })
  }

  async function untilSettled(nic: Link, suspects: Map<string, Suspect>): Promise<void> {
    do {
      const startedAt = performance.now()
      await survey(nic, suspects).then(
        () => options.asked(null),
        error => {
          // Who goes on claiming is asked for again.
          suspects.clear()
          const isOfNic = error instanceof NoVantage && error.obstacle !== 'missing-capability'
          if (!isOfNic && !signal.aborted) options.asked(error)
        },
      )
      const isUrgent = suspects.size === 0 || [...suspects.values()].some(({ hasClaimed }) => hasClaimed)
      const waitMs = isUrgent ? SURVEY_EVERY_MS - (performance.now() - startedAt) : RETRY_AFTER_MS
      await sleep(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined)
    } while (suspects.size > 0 && !signal.aborted)
  }

  async function survey(nic: Link, suspects: Map<string, Suspect>): Promise<void> {
    const asked = [...suspects].map(([key, suspect]) => {
      const isPersistent = suspect.surveys > 0 && suspect.hasClaimed
      suspect.hasClaimed = false
      return { key, suspect, isPersistent }
    })
    const neighbours = await host.network.neighbours()
    const found = { links: await host.network.links(), addresses: await host.network.addresses() }
    const claimed = asked.map(({ suspect }) => suspect.claim.vip)
    const answers = await surveyOwners({
      nic,
      host,
      neighbours,
      found,
      targets: [...new Set([...claimed, ...known.directors, ...known.siblings])],
      known,
      waitMs: ANSWER_MS,
      ...(asked.some(({ suspect }) => suspect.from === 'a guest') ? {} : { guests: 'left out' }),
    })
    if (signal.aborted) return
    for (const { mac, role } of [...answers.claimants.values()].flat())
      if (role === 'director') bounded(directorMacs).add(mac)
    const ownMacs = new Set(found.links.map(({ mac }) => mac))
    for (const { key, suspect, isPersistent } of asked) {
      const { mac } = suspect.claim
      const verdict: Verdict = ownMacs.has(mac)
        ? { kind: 'this host' }
        : isDirectors(mac)
          ? { kind: 'rightful' }
          : judgeClaimant({ mac, survey: answers, ...known, neighbours, isPersistent })
      if (verdict.kind === 'unsettled' && ++suspect.surveys < MAX_SURVEYS) continue
      suspects.delete(key)
      settle(suspect, verdict)
    }
  }

  function settle(suspect: Suspect, found: Verdict): void {
    const verdict: Verdict =
      found.kind === 'foreign' && suspect.from === 'a guest'
        ? { ...found, who: found.who ?? 'a guest of this host' }
        : found
    if (verdict.kind !== 'unsettled')
      bounded(judged).set(suspect.claim.mac, { verdict, untilMs: performance.now() + VERDICT_FOR_MS })
    tell(suspect, verdict)
  }

  function tell(heard: HeardClaim & { count: number }, verdict: Verdict): void {
    if (verdict.kind === 'foreign' || verdict.kind === 'this host') options.found(heard, verdict)
  }

  return {
    hear,
    learn(nic) {
      if (known.directors.length > 0) ask(nic.name)
    },
  }
}

function ipv4(addresses: readonly IpAddress[]): IpAddress[] {
  return addresses.filter(address => familyOf(address) === 4)
}

/** Emptied when it is full: what was known is asked for again. */
function bounded<Known extends Map<string, unknown> | Set<string>>(known: Known): Known {
  if (known.size >= MAX_KNOWN) known.clear()
  return known
}
