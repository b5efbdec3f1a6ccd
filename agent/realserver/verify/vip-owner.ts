import type { Host } from '../../host/host.ts'
import { NoVantage, type Obstacle } from '../../host/vantage/injection.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { isUnplugged, whyUnplugged } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { sendersOn } from '../../segment/asking.ts'
import {
  type Claimant,
  nameOf,
  OWNER_WAIT_MS,
  type Role,
  type Survey,
  surveyOwners,
} from '../../segment/owners.ts'
import type { WantedRealServer } from '../desired.ts'
import { homeNics, NO_NIC, pathNics } from '../nics.ts'
import type { CheckResult } from './check.ts'

/** Asked on the wire, only the configured directors answer for each VIP, and one of them alone. */
export async function checkVipOwner(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const nics = new Map<Link, IpAddress[]>()
  const results: CheckResult[] = []
  for (const vip of wanted.vips) {
    const path = pathNics(wanted, found, vip)
    // A thief on the VIP's own segment is heard there alone, wherever the director is.
    const asked = new Set([...path, ...homeNics(wanted, found, vip)].filter(nic => !isUnplugged(nic)))
    if (asked.size === 0)
      results.push(unknown(vip, whyNobody(path), path.length === 0 ? 'missing-nic' : 'refused'))
    // The silence of a question that nobody asks means nothing.
    for (const nic of asked)
      if (sendersOn(nic, found, wanted.vips, familyOf(vip)).length === 0)
        results.push(unknown(`${vip} on ${nic.name}`, VOICELESS, 'missing-address'))
      else nics.set(nic, [...(nics.get(nic) ?? []), vip])
  }
  const neighbours = await host.network.neighbours()
  const surveys = [...nics].map(async ([nic, vips]) => {
    try {
      const survey = await surveyOwners({
        nic,
        host,
        targets: vips,
        known: wanted,
        found,
        neighbours,
      })
      return vips.flatMap(vip => {
        const isHeard = (survey.claimants.get(vip) ?? []).length > 0
        const isOnPath = pathNics(wanted, found, vip).includes(nic)
        return isHeard || isOnPath ? [judge(vip, nic, wanted, survey)] : []
      })
    } catch (error) {
      if (!(error instanceof NoVantage)) throw error
      return vips.map(vip => unknown(`${vip} on ${nic.name}`, error.message, error.obstacle))
    }
  })
  return [...results, ...(await Promise.all(surveys)).flat()]
}

function judge(
  vip: IpAddress,
  nic: Link,
  wanted: WantedRealServer,
  { claimants, alive }: Survey,
): CheckResult {
  const result = { id: 'vip-owner', subject: `${vip} on ${nic.name}` } as const
  const owners = claimants.get(vip) ?? []
  const names = owners.map(nameOf).join(' and ')
  const { directors } = wanted
  if (owners.length === 0) return nobody(result, directors, alive)
  const thieves = directors.length === 0 ? [] : owners.filter(({ role }) => role !== 'director')
  if (thieves.length > 0)
    return {
      ...result,
      verdict: 'fail',
      evidence: `${names} answer${owners.length === 1 ? 's' : ''} for it: ${takers(thieves, owners)} clients away from the director`,
      hint: cureOf(thieves, nic),
    }
  if (owners.length > 1)
    return {
      ...result,
      verdict: 'fail',
      evidence: `${owners.length} hosts answer for it: ${names}; clients go to whichever was heard last${sharedName(owners)}`,
      hint: 'only one director may own the VIP at a time: see why both are master (a cut between them?)',
    }
  const latency = Math.min(...owners.map(({ latencyMs }) => latencyMs)).toFixed(2)
  if (directors.length === 0)
    return {
      ...result,
      verdict: 'skipped',
      evidence: `${names} answers for it; the configuration names no director to compare with`,
      hint: 'name the hosts that may answer: directors: [ADDRESS]',
    }
  return { ...result, verdict: 'pass', evidence: `only ${names} answers for it (in ${latency} ms)`, hint: '' }
}

function takers(thieves: readonly Claimant[], owners: readonly Claimant[]): string {
  const [thief] = thieves
  if (thief !== undefined && thieves.length === 1) return `${thief.role} takes`
  return thieves.length === owners.length ? 'they take' : 'all but the director take'
}

function cureOf([thief]: readonly Claimant[], { name }: Link): string {
  if (thief?.isGuest === true)
    return `find the container or virtual machine with this MAC on ${name} (a macvlan), and take the VIP off it`
  return CURES[thief?.role ?? 'stranger']
}

const CURES: Record<Role, string> = {
  director: 'only one director may own the VIP at a time',
  sibling: 'on that real server: rs-agent verify, then rs-agent apply',
  'this host': 'rs-agent apply; what does `rs-agent verify --only arp-sysctl,proxy-arp` say of that NIC?',
  stranger: 'find it by its MAC (the switch’s table tells the port), and take the VIP off it',
}

/** The host may be right, and the site is unreachable all the same: that is not for this host to prove. */
function nobody(
  result: Pick<CheckResult, 'id' | 'subject'>,
  directors: readonly IpAddress[],
  alive: ReadonlySet<IpAddress>,
): CheckResult {
  if (directors.length === 0)
    return {
      ...result,
      verdict: 'skipped',
      evidence: 'nobody answers for it, and the configuration names no director that should',
      hint: 'name the hosts that may answer: directors: [ADDRESS]',
    }
  const awake = directors.filter(director => alive.has(director))
  const state =
    awake.length > 0
      ? `${awake.join(', ')} is there, but does not answer for the VIP`
      : `${directors.join(', ')} does not answer for its own address either`
  return {
    ...result,
    verdict: 'unknown',
    evidence: `nobody answers for it (asked three times, waited ${OWNER_WAIT_MS / 1000} s): ${state}`,
    hint:
      awake.length > 0
        ? 'on the director: is the VIP on its NIC? (rs-agent director status; ip addr)'
        : 'is the director up, and on this segment?',
  }
}

function whyNobody(nics: readonly Link[]): string {
  const reasons = nics.map(whyUnplugged)
  return reasons.length === 0 ? NO_NIC.why : reasons.join(', ')
}

/** Two hosts with one address, or one host with two NICs: the wire does not tell them apart. */
function sharedName(owners: readonly Claimant[]): string {
  const [first] = owners[0]?.addresses ?? []
  if (first === undefined || !owners.every(({ addresses }) => addresses.includes(first))) return ''
  return `; all of them answer for ${first} as well: it is given out twice, or that host has two NICs here (arp_filter, arp_ignore 1)`
}

const VOICELESS = 'the NIC has no settled IPv6 address of its own to ask from'

const WHAT_TO_DO: Record<Obstacle | 'missing-address' | 'missing-nic', string> = {
  'missing-capability': 'needs CAP_NET_RAW: run as root',
  'missing-nic': NO_NIC.hint,
  'missing-address': 'ip -6 address show: are its addresses tentative, or duplicates?',
  refused: 'bring the NIC up: ip link',
  unanswered: 'bring the NIC up: ip link',
}

function unknown(subject: string, why: string, obstacle: keyof typeof WHAT_TO_DO = 'refused'): CheckResult {
  return {
    id: 'vip-owner',
    subject,
    verdict: 'unknown',
    evidence: `could not be asked: ${why}`,
    hint: WHAT_TO_DO[obstacle],
  }
}
