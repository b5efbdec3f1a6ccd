import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../host/host.ts'
import type { Network } from '../../host/netlink/network.ts'
import { isRefused } from '../../host/netlink/rejection.ts'
import { NoVantage } from '../../host/vantage/injection.ts'
import { NOBODY, openSegmentAsker } from '../../host/vantage/segment.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import { isQuiet } from '../../model/arp.ts'
import type { Link, Neighbour } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { sendersOn } from '../../segment/asking.ts'
import { effectiveOn } from '../arp-sysctl.ts'

/**
 * The next hop of an answer to a client, made ready before anybody knocks: were it resolved for the answer
 * itself, a host with a loud arp_announce would tell the segment that it owns the VIP.
 */
export interface NextHop {
  /** Why nobody may knock (unsafe, forbidden), or nobody needs to (absent). */
  obstacle: { kind: 'unsafe' | 'forbidden' | 'absent'; why: string } | null
  /** Makes the kernel forget it, if it did not know it before. */
  forget(): Promise<void>
}

/** NUD_* of include/uapi/linux/neighbour.h: confirmed lately or for good; and those with a MAC at least. */
const CONFIRMED = 0x02 | 0x40 | 0x80
const WITH_MAC = CONFIRMED | 0x04 | 0x08 | 0x10
const TIMEOUT_MS = 1_000
/** Only to see whether somebody else answers: the entry may be a fixed one of a host that never does. */
const CONFIRMED_TIMEOUT_MS = 100
const POLL_MS = 10

/** Whose MAC is to be known, and what this host knows of itself. */
interface Asked {
  network: Network
  found: FoundHost
  vips: readonly IpAddress[]
  nic: Link
  address: IpAddress
}

export async function resolveNextHop(
  { network }: Host,
  found: FoundHost,
  vips: readonly IpAddress[],
  nic: Link,
  address: IpAddress,
): Promise<NextHop> {
  const asked = { network, found, vips, nic, address }
  const before = await lookUp(asked)
  return {
    obstacle: await obstacleOf(asked, before),
    forget: async () => {
      if (before === undefined)
        await network.forgetNeighbour(address, nic.index).catch(error => {
          // Without CAP_NET_ADMIN it goes when the kernel tidies up.
          if (!isRefused(error, 'EPERM')) throw error
        })
    },
  }
}

async function obstacleOf(asked: Asked, before: Neighbour | undefined): Promise<NextHop['obstacle']> {
  const { nic, address, found, vips } = asked
  const senders = sendersOn(nic, found, vips, familyOf(address))
  const isConfirmed = hasMac(before, CONFIRMED)
  const macs = await macsOf(nic, address, senders, isConfirmed ? CONFIRMED_TIMEOUT_MS : TIMEOUT_MS)
  if (hasMac(before) && macs !== null && macs.length > 0 && !macs.includes(before?.mac ?? ''))
    return absent(
      `${address} answers on ${nic.name} with ${macs.join(', ')}, but this host has ${before?.mac} for it`,
    )
  // A fixed entry may stand for a host that answers nobody.
  if (isConfirmed) return null
  if (macs?.length === 0) return absent(`${address} does not answer on ${nic.name}`)
  if (hasMac(before)) return null
  // The kernel asks in the name of the NIC's first address, which must not be a VIP; one without any borrows it.
  const isVipThere = found.addresses.some(
    own => own.link === nic.name && vips.includes(own.address) && familyOf(own.address) === familyOf(address),
  )
  if (isVipThere || !senders.some(sender => sender !== NOBODY))
    return unsafe(`${address} is not resolved on ${nic.name}, and asking for it would announce a VIP`)
  try {
    return (await letKernelResolve(asked)) ? null : unresolved(asked, macs)
  } catch (error) {
    if (!isRefused(error, 'EPERM')) throw error
    const why = `${address} is not resolved on ${nic.name}, and without CAP_NET_ADMIN it cannot be`
    return { kind: 'forbidden', why }
  }
}

function absent(why: string): NextHop['obstacle'] {
  return { kind: 'absent', why }
}

function unsafe(why: string): NextHop['obstacle'] {
  return { kind: 'unsafe', why }
}

async function lookUp({ network, nic, address }: Asked): Promise<Neighbour | undefined> {
  return (await network.neighbours()).find(
    entry => entry.link === nic.name && entry.address === address && !entry.proxy,
  )
}

function hasMac(entry: Neighbour | undefined, states = WITH_MAC): boolean {
  return ((entry?.state ?? 0) & states) !== 0
}

async function letKernelResolve(asked: Asked): Promise<boolean> {
  await asked.network.askNeighbour(asked.address, asked.nic.index)
  for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; await sleep(POLL_MS))
    if (hasMac(await lookUp(asked))) return true
  return false
}

/** The kernel would ask once more, for the answer to a knock. */
function unresolved({ nic, address, found }: Asked, macs: string[] | null): NextHop['obstacle'] {
  const why = `${address} is not resolved on ${nic.name}`
  const announce = effectiveOn(nic.name, 'arp_announce', found.sysctls)
  if (familyOf(address) === 4 && (announce === null || !isQuiet('arp_announce', announce)))
    return unsafe(`${why}, and with arp_announce ${announce} an answer would announce the VIP`)
  return macs === null ? absent(why) : null
}

/** The MACs that answer for the address on the segment; null when nobody can be asked. */
async function macsOf(
  nic: Link,
  address: IpAddress,
  senders: readonly IpAddress[],
  timeoutMs: number,
): Promise<string[] | null> {
  if (senders.length === 0) return null
  try {
    const asker = openSegmentAsker(nic, familyOf(address))
    try {
      const waitMs = timeoutMs / senders.length
      for (const sender of senders) {
        asker.ask(address, sender, 'everybody')
        const end = performance.now() + waitMs
        for (let left = waitMs; left > 0; left = end - performance.now()) {
          const macs = (await asker.watch(left))
            .filter(answer => answer.address === address)
            .map(({ mac }) => mac)
          if (macs.length > 0) return macs
        }
      }
      return []
    } finally {
      asker.close()
    }
  } catch (error) {
    if (error instanceof NoVantage) return null
    throw error
  }
}
