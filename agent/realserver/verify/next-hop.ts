import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../host/host.ts'
import { NoVantage } from '../../host/vantage/injection.ts'
import { openSegmentAsker } from '../../host/vantage/segment.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import { isQuiet } from '../../model/arp.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { effectiveOn } from '../arp-sysctl.ts'
import { sendersOn } from '../asking.ts'

/**
 * The next hop of an answer to a client, made ready before anybody knocks: were it resolved for the answer
 * itself, a host with a loud arp_announce would tell the segment that it owns the VIP.
 */
export interface NextHop {
  /** Why nobody may knock, or nobody needs to. */
  obstacle: { kind: 'unsafe' | 'absent'; why: string } | null
  /** Makes the kernel forget it, if it did not know it before. */
  forget(): Promise<void>
}

/** NUD_* of include/uapi/linux/neighbour.h: confirmed lately or for good; and those with a MAC at least. */
const CONFIRMED = 0x02 | 0x40 | 0x80
const WITH_MAC = CONFIRMED | 0x04 | 0x08 | 0x10
const TIMEOUT_MS = 1_000
const POLL_MS = 10

export async function resolveNextHop(
  { network }: Host,
  found: FoundHost,
  vips: readonly IpAddress[],
  nic: Link,
  address: IpAddress,
): Promise<NextHop> {
  /** Null: the kernel does not know it at all. */
  const lookUp = async (): Promise<number | null> =>
    (await network.neighbours()).find(
      entry => entry.link === nic.name && entry.address === address && !entry.proxy,
    )?.state ?? null
  const before = await lookUp()
  const forget = async (): Promise<void> => {
    if (before === null) await network.forgetNeighbour(address, nic.index)
  }
  const ready: NextHop = { obstacle: null, forget }
  const without = (kind: 'unsafe' | 'absent', why: string): NextHop => ({ obstacle: { kind, why }, forget })

  if (((before ?? 0) & CONFIRMED) !== 0) return ready
  const senders = sendersOn(nic, found, vips, familyOf(address))
  const isThere = await answers(nic, address, senders)
  if (isThere === false) return without('absent', `${address} does not answer on ${nic.name}`)
  if (((before ?? 0) & WITH_MAC) !== 0) return ready
  // The kernel asks in the NIC's own name then; a NIC without one would borrow the VIP.
  if (senders.some(sender => sender !== '0.0.0.0')) await network.askNeighbour(address, nic.index)
  for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; await sleep(POLL_MS))
    if ((((await lookUp()) ?? 0) & WITH_MAC) !== 0) return ready
  const why = `${address} is not resolved on ${nic.name}`
  const announce = effectiveOn(nic.name, 'arp_announce', found.sysctls)
  if (familyOf(address) === 4 && (announce === null || !isQuiet('arp_announce', announce)))
    return without('unsafe', `${why}, and with arp_announce ${announce} an answer would announce the VIP`)
  return isThere === true ? ready : without('absent', why)
}

/** Whether somebody on the segment answers for the address; null when nobody can be asked. */
async function answers(
  nic: Link,
  address: IpAddress,
  senders: readonly IpAddress[],
): Promise<boolean | null> {
  if (senders.length === 0) return null
  try {
    const asker = openSegmentAsker(nic, familyOf(address))
    try {
      const waitMs = TIMEOUT_MS / senders.length
      for (const sender of senders) {
        asker.ask(address, sender, 'everybody')
        const end = performance.now() + waitMs
        for (let left = waitMs; left > 0; left = end - performance.now())
          if ((await asker.watch(left)).some(answer => answer.address === address)) return true
      }
      return false
    } finally {
      asker.close()
    }
  } catch (error) {
    if (error instanceof NoVantage) return null
    throw error
  }
}
