import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { ArpTap } from '../host/native.ts'
import { familyOf, type IpAddress } from '../model/address.ts'
import type { Link } from '../model/network.ts'

/**
 * Watches for the one thing that must never happen: an ARP frame that leaves this host with a VIP as its
 * sender. The kernel filters; a host that is quiet costs nothing, for as long as it runs.
 */

/** A frame that told the segment that this host owns a VIP. */
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

/** `blind`: frames were lost or the tap failed; what left meanwhile is not known. */
export type SentinelEvent = { kind: 'claim'; claim: Claim } | { kind: 'blind'; why: string }

export interface Watch {
  nics: readonly Link[]
  vips: readonly IpAddress[]
  signal: AbortSignal
}

/** RFC 826. */
const ARP_REPLY = 2
/** A leak of 5,000 claims a second has room for a second. */
const BUFFER_BYTES = 4 * 1024 * 1024
/** A lost frame is told within this time. */
const LISTEN_MS = 1_000
const REOPEN_AFTER_MS = 200

/**
 * Yields events until the signal ends it. A tap that fails is opened again: one `blind` event tells of the gap.
 * IPv6 VIPs are not watched: NDP asks the NIC's own addresses.
 */
export async function* watchForClaims({ nics, vips, signal }: Watch): AsyncGenerator<SentinelEvent> {
  const senders = vips.filter(vip => familyOf(vip) === 4)
  const names = new Map(nics.map(({ index, name }) => [index, name]))
  if (senders.length === 0 || nics.length === 0) return
  let lastWhy = ''
  while (!signal.aborted)
    try {
      const tap = new ArpTap([...names.keys()], { incoming: 'none', senders, bufferBytes: BUFFER_BYTES })
      // Ends the wait that is under way.
      const close = (): void => tap.close()
      signal.addEventListener('abort', close)
      try {
        // Not before: a tap opens on a NIC that is down, and fails when it is listened to.
        const onHeard = (): void => {
          lastWhy = ''
        }
        yield* listen(tap, names, signal, onHeard)
      } finally {
        signal.removeEventListener('abort', close)
        close()
      }
    } catch (error) {
      if (signal.aborted) return
      const why = messageOf(error)
      // The same reason again and again, of a NIC that stays down, is told once.
      if (why !== lastWhy) yield { kind: 'blind', why }
      lastWhy = why
      await sleep(REOPEN_AFTER_MS, undefined, { signal }).catch(() => undefined)
    }
}

async function* listen(
  tap: ArpTap,
  names: ReadonlyMap<number, string>,
  signal: AbortSignal,
  onHeard: () => void,
): AsyncGenerator<SentinelEvent> {
  while (!signal.aborted) {
    const sightings = await tap.receive(LISTEN_MS)
    onHeard()
    for (const { ifindex, timestampUs, packet } of sightings)
      yield {
        kind: 'claim',
        claim: {
          at: new Date(timestampUs / 1000),
          vip: packet.senderIp as IpAddress,
          nic: names.get(ifindex) ?? `if${ifindex}`,
          mac: packet.senderMac,
          kind: packet.operation === ARP_REPLY ? 'reply' : 'request',
          toldTo: packet.targetIp as IpAddress,
        },
      }
    if (signal.aborted) return
    const dropped = tap.takeDropCount()
    if (dropped > 0) yield { kind: 'blind', why: `the tap lost ${dropped} frames` }
  }
}
