import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { type Claim, watchForClaims } from '../sentinel.ts'
import { openTally, type Tally } from './claim-tally.ts'
import { type Claimants, openClaimants } from './claimants.ts'
import { followNics, type NicsTold } from './nics-up.ts'
import { openSight, type Sight } from './sight.ts'

/** Who claims a VIP on the segments of this host, be it this host itself or another that must not. */

export type ArpWatchEvent =
  /** An ARP frame left this host with a VIP as its sender, by a MAC of this host. */
  | (Claimed & {
      kind: 'own-claim'
      frame: 'reply' | 'request'
      /** The address that was asked about (request), or who was answered (reply). */
      toldTo: IpAddress
    })
  /**
   * One arrived from, or was passed on for, a host that is no director. `who`: `sibling 10.10.10.13`, or
   * `stranger 10.10.10.40`; null where nothing but the MAC is known.
   */
  | (Claimed & { kind: 'foreign-claim'; who: string | null })
  /** What passes meanwhile is not known; `nic` null: on no NIC. A frame that was lost is a moment of it. */
  | { kind: 'blind'; nic: string | null; why: string }
  /** At the beginning, and after `blind`: everything is watched. */
  | { kind: 'seeing' }

interface Claimed {
  vip: IpAddress
  nic: string
  mac: string
  /** Claims since the last event of this kind about the MAC and VIP: a flood is told once a second. */
  count: number
  /** Of the latest of them. */
  at: Date
}

export interface ArpWatchOptions {
  /** Those that speak ARP. */
  nics: readonly Link[]
  /** Those of IPv6 are not watched: NDP never asks for an address on lo. */
  vips: readonly IpAddress[]
  /** The only hosts that may claim a VIP; when there are none, nobody but a sibling is foreign. */
  directors: readonly IpAddress[]
  siblings: readonly IpAddress[]
  /** Of the network namespace that this process is in. */
  host: Pick<Host, 'network' | 'sysctl'>
  signal: AbortSignal
}

/** What is told of a claim but its number. */
type Finding =
  | { kind: 'own-claim'; claim: Claim }
  | { kind: 'foreign-claim'; claim: Claim; who: string | null }

interface Watching extends ArpWatchOptions {
  tally: Tally<Finding>
  sight: Sight
  claimants: Claimants
  /** MACs of this host's links. */
  ownMacs: Map<number, string>
  note(finding: Finding, count: number): void
  /** There is something to tell. */
  wake(): void
}

/** Yields events until the signal ends it. One that listens slowly hears less often, and of the same claims. */
export async function* watchArp(options: ArpWatchOptions): AsyncGenerator<ArpWatchEvent> {
  const ended = new AbortController()
  const signal = AbortSignal.any([options.signal, ended.signal])
  const alarm = openAlarm(signal)
  const watching = startWatching({ ...options, signal }, alarm.ring)
  const { tally, sight } = watching
  try {
    while (!signal.aborted) {
      yield* sight.take()
      for (const { claim, count } of tally.take(performance.now())) yield eventOf(claim, count)
      await alarm.rings(tally.dueInMs(performance.now()))
    }
  } finally {
    ended.abort()
  }
}

function startWatching(options: ArpWatchOptions, wake: () => void): Watching {
  const { nics, signal } = options
  const tally = openTally(({ kind, claim: { vip, mac } }: Finding) => `${kind} ${vip} ${mac}`)
  const isForeignHeard = options.directors.length + options.siblings.length > 0
  const directions = isForeignHeard ? (['leaving', 'arriving'] as const) : (['leaving'] as const)
  const sight = openSight([...directions, 'links'])
  const claimants = openClaimants({
    ...options,
    found({ claim, from, count }, verdict) {
      if (verdict.kind === 'foreign') watching.note({ kind: 'foreign-claim', claim, who: verdict.who }, count)
      // What arrives from this host itself has left it on another NIC, and was heard there.
      else if (from === 'a guest') watching.note({ kind: 'own-claim', claim }, count)
    },
    asked(failure) {
      if (failure === null) sight.mend('asking')
      else sight.lose('asking', { nic: null, why: `cannot ask who claims a VIP: ${failure.message}` })
      wake()
    },
  })
  const ownMacs = new Map(nics.map(({ index, mac }) => [index, mac]))
  const watching: Watching = {
    ...options,
    tally,
    sight,
    claimants,
    ownMacs,
    wake,
    note(finding, count) {
      tally.note(finding, count, performance.now())
      wake()
    },
  }
  for (const direction of directions) void listen(direction, watching)
  void followNics({ ...options, told: linkTold(watching) })
  for (const nic of nics) claimants.learn(nic)
  signal.addEventListener('abort', wake)
  return watching
}

async function listen(direction: 'leaving' | 'arriving', watching: Watching): Promise<void> {
  const { sight, wake } = watching
  try {
    for await (const event of watchForClaims({ ...watching, direction })) {
      if (event.kind === 'claims') {
        // What comes after frames that were lost is seen.
        sight.mend(direction)
        hearClaims(event.claims, direction, watching)
      } else if (event.kind === 'seeing') sight.mend(direction)
      // The links tell of a NIC that is down, and of when it is up again.
      else if (event.nic === null) sight.lose(direction, event)
      wake()
    }
  } catch (error) {
    sight.lose(direction, { nic: null, why: messageOf(error) })
    wake()
  }
}

function hearClaims(
  claims: readonly Claim[],
  direction: 'leaving' | 'arriving',
  { claimants, ownMacs, note }: Watching,
): void {
  const own = new Set(ownMacs.values())
  for (const claim of claims) {
    const isOwn = own.has(claim.mac)
    if (direction === 'arriving' && !isOwn) claimants.hear({ claim, from: 'the segment' })
    else if (direction === 'leaving' && isOwn) note({ kind: 'own-claim', claim }, 1)
    // Of a guest of this host, which may be a director, or of a NIC that has just come.
    else if (direction === 'leaving') claimants.hear({ claim, from: 'a guest' })
  }
}

function linkTold({ sight, claimants, ownMacs, wake }: Watching): NicsTold {
  return {
    link: ({ index, mac }) => void ownMacs.set(index, mac),
    noLink: ({ index }) => void ownMacs.delete(index),
    up(nic) {
      sight.mend(`nic ${nic.index}`)
      claimants.learn(nic)
      wake()
    },
    lost({ index, name }, how) {
      sight.lose(`nic ${index}`, { nic: name, why: `${name} is ${how}` })
      wake()
    },
    seeing() {
      sight.mend('links')
      wake()
    },
    blind(why) {
      sight.lose('links', { nic: null, why: `nobody hears of its links: ${why}` })
      wake()
    },
  }
}

/** What to wait for between two tellings. */
function openAlarm(signal: AbortSignal): {
  ring: () => void
  /** When it rang since the last time, or after so many milliseconds; null: for as long as nobody rings. */
  rings(withinMs: number | null): Promise<void>
} {
  let next = Promise.withResolvers<void>()
  return {
    ring: () => next.resolve(),
    async rings(withinMs) {
      const timer = new AbortController()
      const timeOver =
        withinMs === null ? [] : [sleep(withinMs, undefined, { signal: timer.signal }).catch(() => undefined)]
      if (!signal.aborted) await Promise.race([next.promise, ...timeOver])
      timer.abort()
      next = Promise.withResolvers()
    },
  }
}

function eventOf(finding: Finding, count: number): ArpWatchEvent {
  const { vip, nic, mac, at, kind: frame, toldTo } = finding.claim
  const claimed = { vip, nic, mac, count, at }
  return finding.kind === 'own-claim'
    ? { kind: 'own-claim', ...claimed, frame, toldTo }
    : { kind: 'foreign-claim', ...claimed, who: finding.who }
}
