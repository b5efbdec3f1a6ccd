import { familyOf, type IpAddress } from '../model/address.ts'
import type { FoundHost } from '../reconcile/found.ts'
import { collectAnswers, sendersOn } from './asking.ts'
import { forgetLearnt, type Memory } from './learnt.ts'
import { type Claimant, type KnownHosts, roleOf } from './owners.ts'

/** How long one host has to answer when it is asked alone. */
const TARGET_WAIT_MS = 500

export interface TargetQuestion extends Memory {
  vip: IpAddress
  /** An address that the host must answer for: silence counts only while it can be heard. */
  target: IpAddress
  known: KnownHosts
  found: Pick<FoundHost, 'addresses' | 'links'>
}

export interface TargetAnswer {
  isThere: boolean
  owner: Claimant | null
}

/** What one host answers when it is asked alone, by unicast, between two answers for its own address. */
export async function questionTarget(question: TargetQuestion): Promise<TargetAnswer> {
  try {
    return await interrogate(question)
  } finally {
    await forgetLearnt([question.target, question.vip], question)
  }
}

async function interrogate({ nic, vip, target, known, found }: TargetQuestion): Promise<TargetAnswer> {
  const family = familyOf(vip)
  const asking = {
    nic,
    family,
    from: sendersOn(nic, found, [...known.vips, vip, target], family),
    waitMs: TARGET_WAIT_MS,
  }
  const findTarget = () => collectAnswers({ ...asking, addresses: [target], untilAnswered: true })
  const [before] = await findTarget()
  if (before === undefined) return { isThere: false, owner: null }
  const answers = await collectAnswers({ ...asking, addresses: [vip], to: before.mac })
  // Others may announce the VIP to everybody meanwhile, unasked, as a new master does.
  const answer = answers.find(({ mac }) => mac === before.mac)
  if (answer === undefined) return { isThere: (await findTarget()).length > 0, owner: null }
  const { mac, latencyMs, count } = answer
  const role = roleOf({
    mac,
    directors: known.directors.filter(director => director === target),
    siblings: known.siblings.filter(sibling => sibling === target),
    isOwn: found.links.some(link => link.mac === mac),
  })
  return { isThere: true, owner: { mac, role, addresses: [target], latencyMs, answers: count } }
}
