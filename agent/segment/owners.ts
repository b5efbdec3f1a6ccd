import { type AddressFamily, familyOf, type IpAddress } from '../model/address.ts'
import type { FoundHost } from '../reconcile/found.ts'
import { type Answered, collectAnswers, collectGuestAnswers, sendersOn } from './asking.ts'
import { forgetLearnt, type Memory } from './learnt.ts'

/** Who answers for an address on the segment, by name: the names come from asking for the hosts that are known. */

/** A host that proxies delays its answer by up to 0.8 s (net.ipv4.neigh.*.proxy_delay); a busy one is slow. */
export const OWNER_WAIT_MS = 1_500
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
  /** A container or virtual machine of this host, behind the NIC. */
  isGuest?: true
}

export interface KnownHosts {
  directors: readonly IpAddress[]
  siblings: readonly IpAddress[]
  /** No question may name one of these as its sender: that would announce it. */
  vips: readonly IpAddress[]
}

export interface Survey {
  claimants: Map<IpAddress, Claimant[]>
  /** The known hosts that answered for their own address. */
  alive: ReadonlySet<IpAddress>
}

export interface SurveyRequest extends Memory {
  /** What is asked about. */
  targets: readonly IpAddress[]
  known: KnownHosts
  found: Pick<FoundHost, 'addresses' | 'links'>
  waitMs?: number
  /** Without them no question is injected into this host. */
  guests?: 'left out'
}

/** Asks everybody on the NIC's segment. Throws NoVantage where the NIC cannot be asked. */
export async function surveyOwners(request: SurveyRequest): Promise<Survey> {
  const { targets, known } = request
  const asked = [...new Set([...targets, ...known.directors, ...known.siblings])]
  const families = [...new Set(asked.map(familyOf))]
  const [ofGuests, ...ofSegment] = await Promise.all([
    askGuests(asked, request),
    ...families.map(family => askSegment(asked, family, request)),
  ])
  const answers = [...ofSegment.flat(), ...ofGuests]
  await forgetLearnt(
    answers.map(({ address }) => address),
    request,
  )
  const guests = new Set(ofGuests.map(({ mac }) => mac))
  const byAddress = Map.groupBy(answers, ({ address }) => address)
  const claimants = targets.map(target => {
    const own = (byAddress.get(target) ?? []).map(answer => identify(answer, byAddress, guests, request))
    return [target, own] as const
  })
  const alive = new Set([...known.directors, ...known.siblings].filter(address => byAddress.has(address)))
  return { claimants: new Map(claimants), alive }
}

function askSegment(
  asked: readonly IpAddress[],
  family: AddressFamily,
  { nic, known, found, waitMs = OWNER_WAIT_MS }: SurveyRequest,
): Promise<Answered[]> {
  const from = sendersOn(nic, found, [...asked, ...known.vips], family)
  const addresses = asked.filter(address => familyOf(address) === family)
  return from.length === 0 ? Promise.resolve([]) : collectAnswers({ nic, family, addresses, from, waitMs })
}

/** By ARP alone: to a question from nobody by NDP the answer goes to all nodes, who would believe it. */
function askGuests(
  asked: readonly IpAddress[],
  { nic, host, found, guests }: SurveyRequest,
): Promise<Answered[]> {
  const addresses = asked.filter(address => familyOf(address) === 4)
  const ownMacs = new Set(found.links.map(({ mac }) => mac))
  return addresses.length === 0 || guests === 'left out'
    ? Promise.resolve([])
    : collectGuestAnswers({ nic, network: host.network, addresses, ownMacs })
}

/** Names the host behind a MAC by the known addresses that it answered for, or else by the neighbour table. */
function identify(
  { mac, latencyMs, count }: Answered,
  byAddress: ReadonlyMap<IpAddress, Answered[]>,
  guests: ReadonlySet<string>,
  { targets, known, found, neighbours }: SurveyRequest,
): Claimant {
  const isIts = (address: IpAddress): boolean =>
    byAddress.get(address)?.some(answer => answer.mac === mac) === true
  const directors = known.directors.filter(isIts)
  const siblings = known.siblings.filter(isIts)
  const learnt = neighbours
    .filter(entry => entry.mac === mac && !entry.proxy && !targets.includes(entry.address))
    .map(({ address }) => address)
  const named = [...directors, ...siblings]
  return {
    mac,
    role: roleOf({ mac, directors, siblings, isOwn: found.links.some(link => link.mac === mac) }),
    latencyMs,
    answers: count,
    addresses: named.length > 0 ? named : learnt,
    ...(guests.has(mac) ? { isGuest: true } : {}),
  }
}

export function roleOf(who: {
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
function isVirtualRouter(mac: string): boolean {
  return mac.startsWith('00:00:5e:00:01:') || mac.startsWith('00:00:5e:00:02:')
}

/** `director 10.10.10.11 (02:00:00:00:02:00)`. */
export function nameOf({ mac, role, addresses, isGuest }: Claimant): string {
  const card = isGuest === true ? `${mac}, a guest of this host` : mac
  if (addresses.length > 0) return `${role} ${addresses.join(', ')} (${card})`
  return isVirtualRouter(mac)
    ? `VRRP router ${Number.parseInt(mac.slice(-2), 16)} (${card})`
    : `${role} ${card}`
}
