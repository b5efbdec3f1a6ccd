import { type FoundHost, type Lookup, lookupIn } from './found.ts'
import { type Phase, phaseRank } from './order.ts'
import { isSameValue, keyOf, type Setting, type SettingKind } from './setting.ts'
import { type Claim, changeTo, type Prior, type Step } from './step.ts'

/**
 * The steps that take the host from what was found to what is claimed; empty when nothing is to do.
 * A setting with a prior value that nothing claims any more goes back to that value.
 */
export function plan(claims: readonly Claim[], priors: readonly Prior[], found: FoundHost): Step[] {
  const current = lookupIn(found)
  const claimed = new Set(claims.map(claim => keyOf(claim.wanted)))
  const released = priors.filter(prior => !claimed.has(keyOf(prior)))
  return [
    ...claims.filter(claim => !claim.satisfied).map(claim => claimStep(claim, current)),
    // Last made, first taken back.
    ...released.toReversed().flatMap(prior => releaseStep(prior, current, found)),
  ].sort((left, right) => phaseRank(left.phase) - phaseRank(right.phase))
}

/** The prior values after the steps were made: new ones are kept, those gone back to are forgotten. */
export function priorsAfter(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const goneBackTo = new Set<string>()
  const priorValues = new Map(priors.map(prior => [keyOf(prior), prior.value]))
  for (const { change } of steps) {
    const key = keyOf(change)
    if (priorValues.has(key) && isSameValue(priorValues.get(key) ?? null, change.after)) goneBackTo.add(key)
  }
  return priorsDuring(priors, steps).filter(prior => !goneBackTo.has(keyOf(prior)))
}

/** The prior values as far as an interrupted run may have changed them: nothing is forgotten. */
export function priorsDuring(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const known = new Set(priors.map(keyOf))
  const found = steps.flatMap(({ resource, onRemove, change: { kind, id, before } }) => {
    if (onRemove === 'forget' || known.has(keyOf({ kind, id } as Prior))) return []
    return [{ resource, onRemove, kind, id, value: before } as Prior]
  })
  return [...priors, ...found]
}

function claimStep({ resource, phase, wanted, onRemove }: Claim, current: Lookup): Step {
  return { resource, phase, onRemove, change: changeTo(wanted, current(wanted)) }
}

function releaseStep(prior: Prior, current: Lookup, found: FoundHost): Step[] {
  const before = current(prior)
  if (prior.onRemove === 'tell' || isSameValue(before, prior.value) || isOutOfReach(prior, before, found))
    return []
  const change = changeTo(prior, before)
  return [{ resource: prior.resource, phase: releasePhase(prior), onRemove: 'put-back', change }]
}

/** An interface that is gone took its parameters, addresses and routes with it. */
export function isOutOfReach(prior: Prior, before: Setting['value'], { links }: FoundHost): boolean {
  const isGone = (name: string | undefined): boolean =>
    name !== undefined && !links.some(link => link.name === name)
  switch (prior.kind) {
    case 'sysctl':
      return before === null
    case 'address':
      return isGone(prior.id.link)
    case 'route':
      return isGone(prior.value?.link)
    case 'file':
    case 'ipvs-service':
    case 'ipvs-destination':
    case 'ipvs-timeout':
    case 'sync-daemon':
      return false
    default:
      return prior satisfies never
  }
}

const RELEASE_PHASES: Record<SettingKind, Phase> = {
  route: 'unroute',
  address: 'unbind',
  file: 'forget',
  sysctl: 'restore',
  'ipvs-service': 'unserve',
  'ipvs-destination': 'unserve',
  'ipvs-timeout': 'restore',
  'sync-daemon': 'restore',
}

function releasePhase({ kind, value }: Setting): Phase {
  // Like any other service it must be there before its VIP.
  if (value !== null && (kind === 'ipvs-service' || kind === 'ipvs-destination')) return 'serve'
  const bringsBackNetwork = value !== null && (kind === 'address' || kind === 'route')
  return bringsBackNetwork ? 'put-back' : RELEASE_PHASES[kind]
}
