import { setTimeout as sleep } from 'node:timers/promises'
import { AgentError } from '../errors.ts'
import { announceOwner } from '../host/vantage/announce.ts'
import { NoVantage } from '../host/vantage/injection.ts'
import { familyOf, type IpAddress } from '../model/address.ts'
import { isUnplugged, type Link } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'
import { collectAnswers, sendersOn } from '../segment/asking.ts'

/** To take a VIP: nobody else may have it, and everybody must hear of it. */

/** A host of the segment answers within a millisecond; a busy one takes more. */
const OWNER_WAIT_MS = 500
/** Switches and routers lose some of what comes in a rush, as after a failover. */
const REPEATS_AFTER_MS = [300, 700] as const

/**
 * Throws AgentError `failed` when another host answers for one of the addresses: two owners are worse than none; and
 * when nobody can be asked, `missing-capability` where that is why.
 */
export async function refuseTaken(
  nic: Link,
  vips: readonly IpAddress[],
  found: Pick<FoundHost, 'addresses' | 'links'>,
): Promise<void> {
  if (vips.length === 0 || isUnplugged(nic)) return
  const owners = await Promise.all(
    ([4, 6] as const).map(family => {
      const addresses = vips.filter(vip => familyOf(vip) === family)
      const from = sendersOn(nic, found, vips, family)
      if (addresses.length === 0 || from.length === 0) return []
      return collectAnswers({ nic, family, addresses, from, waitMs: OWNER_WAIT_MS, untilAnswered: true })
    }),
  ).catch(error => {
    throw error instanceof NoVantage ? unasked(error, nic) : error
  })
  const other = owners.flat().find(({ mac }) => !found.links.some(link => link.mac === mac))
  if (other !== undefined)
    throw new AgentError(
      'failed',
      `${other.address} has an owner on the segment of ${nic.name} already: ${other.mac} answers for it`,
      `\`rs-agent probe ${other.address}\` says who it is: take the VIP off that host first`,
    )
}

function unasked(why: NoVantage, { name }: Link): AgentError {
  const message = `cannot ask the segment of ${name} whether the VIP has an owner: ${why.message}`
  return why.obstacle === 'missing-capability'
    ? new AgentError('missing-capability', message, 'needs CAP_NET_RAW: run as root', why)
    : new AgentError('failed', message, `ip link show ${name}`, why)
}

/** Tells the segment at once, and again later; what cannot be told is returned for the user. */
export async function announce(nic: Link, vips: readonly IpAddress[]): Promise<string[]> {
  if (vips.length === 0) return []
  if (isUnplugged(nic)) return [`${nic.name} has no carrier: nobody heard who owns ${vips.join(', ')} now`]
  try {
    announceOwner(nic, vips)
    return []
  } catch (error) {
    if (!(error instanceof NoVantage)) throw error
    return [`the segment was not told who owns ${vips.join(', ')} now: ${error.message}`]
  }
}

/** Waits only where there is something to tell, and somebody to hear it. */
export async function announceAgain(nic: Link, vips: readonly IpAddress[]): Promise<string[]> {
  if (vips.length === 0 || isUnplugged(nic)) return []
  const notes: string[] = []
  for (const afterMs of REPEATS_AFTER_MS) {
    await sleep(afterMs)
    notes.push(...(await announce(nic, vips)))
  }
  return notes.slice(0, 1)
}
