import { setTimeout as sleep } from 'node:timers/promises'
import { hasErrno, messageOf } from '../errors.ts'
import { type ArpSighting, ArpTap } from '../host/native.ts'
import { familyOf, type IpAddress } from '../model/address.ts'
import type { Link } from '../model/network.ts'

/**
 * Watches for the one thing that must never happen, an ARP frame that leaves this host with a VIP as its sender, or
 * for those of others that arrive. The kernel filters; a segment that is quiet costs nothing, for as long as it runs.
 */

/** A frame that told the segment that a host owns a VIP. */
export interface Claim {
  at: Date
  vip: IpAddress
  nic: string
  /** The MAC that was told. */
  mac: string
  kind: 'reply' | 'request'
  /** The address that was asked about (request), or who was answered (reply). */
  toldTo: IpAddress
}

export type SentinelEvent =
  /** At least one, in the order in which they passed. */
  | { kind: 'claims'; claims: Claim[] }
  /**
   * Frames were lost, the tap failed, or its only NIC (`nic`) is down: what passed meanwhile is not known. A NIC that
   * comes up is watched from its first frame on.
   */
  | { kind: 'blind'; nic: string | null; why: string }
  /** The tap is open, for the first time or again. */
  | { kind: 'seeing' }

export interface Watch {
  nics: readonly Link[]
  vips: readonly IpAddress[]
  /** What leaves, unless told. */
  direction?: 'leaving' | 'arriving'
  signal: AbortSignal
}

/** RFC 826. */
const ARP_REPLY = 2
const TAP_OF = {
  // A leak of 5,000 claims a second has room for a second.
  leaving: { incoming: 'none', bufferBytes: 4 * 1024 * 1024 },
  // Of a flood the first hundred frames tell who it is; what finds no room costs nothing.
  arriving: { incoming: 'claims', arrivingOnly: true, bufferBytes: 64 * 1024 },
} as const
/** Nothing is missed by it: while the buffer overflows somebody has been woken. */
const QUIET_MS = 60_000
/** What follows is fetched together, for each wait takes a thread; a flood, of more frames at a time, less often. */
const BATCH_MS = 100
const FLOOD_FRAMES = 100
const FLOOD_MS = 500
const REOPEN_AFTER_MS = 200

/**
 * Yields events until the signal ends it. A tap that fails is opened again: one `blind` event tells of the gap.
 * IPv6 VIPs are not watched: NDP asks the NIC's own addresses.
 */
export async function* watchForClaims(watch: Watch): AsyncGenerator<SentinelEvent> {
  const { nics, vips, direction = 'leaving', signal } = watch
  const senders = vips.filter(vip => familyOf(vip) === 4)
  if (senders.length === 0 || nics.length === 0) return
  let lastWhy = ''
  while (!signal.aborted)
    try {
      const tap = new ArpTap(
        nics.map(({ index }) => index),
        { ...TAP_OF[direction], senders },
      )
      // Ends the wait that is under way.
      const close = (): void => tap.close()
      signal.addEventListener('abort', close)
      try {
        for await (const event of listen(tap, watch)) {
          lastWhy = ''
          yield event
        }
      } finally {
        signal.removeEventListener('abort', close)
        close()
      }
    } catch (error) {
      if (signal.aborted) return
      const why = messageOf(error)
      // The same reason again and again is told once.
      if (why !== lastWhy) yield { kind: 'blind', nic: null, why }
      lastWhy = why
      await sleep(REOPEN_AFTER_MS, undefined, { signal }).catch(() => undefined)
    }
}

async function* listen(
  tap: ArpTap,
  { nics, direction, signal }: Watch,
): AsyncGenerator<SentinelEvent, void, undefined> {
  const names = new Map(nics.map(({ index, name }) => [index, name]))
  for (let isNew = true; !signal.aborted; isNew = false) {
    const sightings = await tap.receive(isNew ? 0 : QUIET_MS).catch((error: unknown) => {
      // Once each time that its only NIC goes down; the kernel lets the tap hear again when it comes up.
      if (hasErrno(error, 'ENETDOWN')) return messageOf(error)
      throw error
    })
    if (isNew) yield { kind: 'seeing' }
    if (typeof sightings === 'string') {
      yield { kind: 'blind', nic: nics[0]?.name ?? null, why: sightings }
      continue
    }
    if (sightings.length > 0)
      yield { kind: 'claims', claims: sightings.map(sighting => claimIn(sighting, names)) }
    if (signal.aborted) return
    const dropped = tap.takeDropCount()
    if (dropped > 0 && direction !== 'arriving')
      yield { kind: 'blind', nic: null, why: `the tap lost ${dropped} frames` }
    const pauseMs = sightings.length < FLOOD_FRAMES ? BATCH_MS : FLOOD_MS
    if (sightings.length > 0) await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

function claimIn({ ifindex, timestampUs, packet }: ArpSighting, names: ReadonlyMap<number, string>): Claim {
  return {
    at: new Date(timestampUs / 1000),
    vip: packet.senderIp as IpAddress,
    nic: names.get(ifindex) ?? `if${ifindex}`,
    mac: packet.senderMac,
    kind: packet.operation === ARP_REPLY ? 'reply' : 'request',
    toldTo: packet.targetIp as IpAddress,
  }
}
