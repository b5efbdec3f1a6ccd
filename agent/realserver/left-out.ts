import { familyOf, type IpAddress } from '../model/address.ts'
import { type FoundHost, lookupIn } from '../reconcile/found.ts'
import { isSameValue, keyOf } from '../reconcile/setting.ts'
import type { Prior, Step } from '../reconcile/step.ts'
import { findAudible } from './arp-sysctl.ts'

/** A plan without the steps that would end with an audible VIP. */
export interface LeftOut {
  steps: Step[]
  /** What is not put back, each with the reason. */
  leftOut: string[]
  /** VIPs that somebody else bound before the first apply, for whose sake the host stays silent. */
  staying: IpAddress[]
}

/**
 * Going back to what was there before the first apply must not make a VIP audible, even when it was so
 * then: a VIP that was displaced stays away, and for one that was not ours to unbind the host stays silent.
 */
export function leaveOutAudible(
  steps: readonly Step[],
  found: FoundHost,
  vips: readonly IpAddress[],
): LeftOut {
  const ipv4 = vips.filter(vip => familyOf(vip) === 4)
  const sysctls = { ...found.sysctls }
  for (const { change } of steps)
    if (change.kind === 'sysctl' && change.after !== null) sysctls[change.id.path] = change.after
  if (findAudible(found.links, sysctls) === null) return { steps: [...steps], leftOut: [], staying: [] }

  const staying = boundAfter(steps, found, ipv4)
  const isLeftOut = (step: Step): boolean => putsBack(step, ipv4) || (staying.length > 0 && makesLoud(step))
  return {
    steps: steps.filter(step => !isLeftOut(step)),
    leftOut: steps.filter(isLeftOut).map(step => describe(step, staying)),
    staying,
  }
}

/** Of a step that takes away what remove will not put back. */
export function tellOfStep({ onRemove, change }: Step): string[] {
  if (onRemove !== 'tell' || change.kind !== 'address') return []
  const { address, prefixLength, link } = change.id
  return [
    `${address}/${prefixLength} is taken off ${link}, where it answers ARP; remove will not put it back`,
  ]
}

/** Of a prior value that remove must not go back to. */
export function tellOfPrior(prior: Prior, found: FoundHost): string[] {
  if (prior.onRemove !== 'tell' || prior.kind !== 'address') return []
  if (isSameValue(lookupIn(found)(prior), prior.value)) return []
  const { address, prefixLength, link } = prior.id
  const command = `ip addr add ${address}/${prefixLength} dev ${link}`
  return [
    `${address}/${prefixLength} was on ${link} and is not put back, because it would answer ARP there: ${command}`,
  ]
}

function boundAfter(steps: readonly Step[], found: FoundHost, vips: readonly IpAddress[]): IpAddress[] {
  const unbound = new Set(steps.filter(step => step.change.after === null).map(step => keyOf(step.change)))
  const staying = found.addresses.filter(({ link, address, prefixLength }) => {
    const id = { link, address, prefixLength }
    return vips.includes(address) && !unbound.has(keyOf({ kind: 'address', id }))
  })
  return [...new Set(staying.map(({ address }) => address))]
}

function putsBack({ phase, change }: Step, vips: readonly IpAddress[]): boolean {
  return phase === 'put-back' && change.kind === 'address' && vips.includes(change.id.address)
}

function makesLoud({ phase }: Step): boolean {
  return phase === 'restore' || phase === 'forget'
}

function describe({ change }: Step, staying: readonly IpAddress[]): string {
  const because = `${staying.join(', ')} was bound before the first apply, stays bound, and would answer ARP`
  switch (change.kind) {
    case 'address':
      return `${change.id.address}/${change.id.prefixLength} on ${change.id.link} is not put back: with the prior sysctls it would answer ARP`
    case 'sysctl':
      return `${change.id.path} stays ${change.before}, it was ${change.after}: ${because}`
    case 'file':
      return `/${change.id.path} stays: ${because}`
    case 'route':
      return `the route to ${change.id.destination} stays: ${because}`
    default:
      return `${keyOf(change)} stays: ${because}`
  }
}
