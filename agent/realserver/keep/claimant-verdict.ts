import type { IpAddress } from '../../model/address.ts'
import type { Neighbour } from '../../model/network.ts'
import type { Claimant, Survey } from '../../segment/owners.ts'

/** Who is behind the MAC of a claim, by what the segment answered when it was asked after the claim. Pure. */
export type Verdict =
  | { kind: 'this host' }
  /** A director, or one that cannot be told from it because no director is known. */
  | { kind: 'rightful' }
  /** Nobody who may claim a VIP. `who` is null where nothing but the MAC is known. */
  | { kind: 'foreign'; who: string | null }
  /** It does not answer, and a director is silent as well: it may be that one, with a MAC that is not known. */
  | { kind: 'unsettled' }

export interface Evidence {
  mac: string
  /** Of the known hosts and the VIPs; asked for after the claim. */
  survey: Survey
  directors: readonly IpAddress[]
  siblings: readonly IpAddress[]
  /** As they were before anybody was asked. */
  neighbours: readonly Neighbour[]
  /** It has claimed again though it did not answer when it was asked before. */
  isPersistent: boolean
}

export function judgeClaimant(evidence: Evidence): Verdict {
  const { mac, survey, directors, siblings, neighbours, isPersistent } = evidence
  const heard = [...survey.claimants.values()].flat().find(claimant => claimant.mac === mac)
  if (heard?.role === 'this host') return { kind: 'this host' }
  if (heard?.role === 'director') return { kind: 'rightful' }
  if (heard?.role === 'sibling') return { kind: 'foreign', who: whoIs(heard) }
  const learnt = neighbours.filter(entry => entry.mac === mac && !entry.proxy).map(({ address }) => address)
  // It has left, or got another MAC, since it claimed.
  if (learnt.some(address => directors.includes(address))) return { kind: 'rightful' }
  const sibling = learnt.find(address => siblings.includes(address))
  if (sibling !== undefined) return { kind: 'foreign', who: `sibling ${sibling}` }
  if (directors.length === 0) return { kind: 'rightful' }
  const isTold = heard !== undefined || directors.every(director => survey.alive.has(director))
  if (!isTold && !isPersistent) return { kind: 'unsettled' }
  return { kind: 'foreign', who: whoIs({ role: 'stranger', addresses: heard?.addresses ?? learnt }) }
}

function whoIs({
  role,
  addresses,
  isGuest,
}: Pick<Claimant, 'role' | 'addresses' | 'isGuest'>): string | null {
  const name = addresses.length > 0 ? `${role} ${addresses.join(', ')}` : role === 'stranger' ? null : role
  if (isGuest !== true) return name
  return name === null ? 'a guest of this host' : `${name}, a guest of this host`
}
