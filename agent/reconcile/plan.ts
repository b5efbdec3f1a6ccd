import type { Lookup } from './found.ts'
import { type Phase, phaseRank } from './order.ts'
import { isSameValue, keyOf, type Setting, type SettingKind } from './setting.ts'
import { type Claim, changeTo, type Prior, type Step } from './step.ts'

/**
 * The steps that take the host from what was found to what is claimed; empty when nothing is to do.
 * A setting with a prior value that nothing claims any more goes back to that value.
 */
export function plan(claims: readonly Claim[], priors: readonly Prior[], current: Lookup): Step[] {
  const claimed = new Set(claims.map(claim => keyOf(claim.wanted)))
  const released = priors.filter(prior => !claimed.has(keyOf(prior)))
  return [
    ...claims.filter(claim => !claim.satisfied).map(claim => claimStep(claim, current)),
    // Last made, first taken back.
    ...released.toReversed().flatMap(prior => releaseStep(prior, current)),
  ].sort((left, right) => phaseRank(left.phase) - phaseRank(right.phase))
}

/** The prior values after the steps were made: new ones are kept, those gone back to are forgotten. */
export function priorsAfter(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const kept = new Map(priors.map(prior => [keyOf(prior), prior]))
  for (const { change, resource, keepFound } of steps) {
    const key = keyOf(change)
    const prior = kept.get(key)
    if (prior !== undefined && isSameValue(prior.value, change.after)) kept.delete(key)
    else if (prior === undefined && keepFound && !isSameValue(change.before, change.after))
      kept.set(key, { resource, kind: change.kind, id: change.id, value: change.before } as Prior)
  }
  return [...kept.values()]
}

/** The prior values as far as an interrupted run may have changed them: nothing is forgotten. */
export function priorsDuring(priors: readonly Prior[], steps: readonly Step[]): Prior[] {
  const known = new Set(priors.map(keyOf))
  const found = steps.filter(step => step.keepFound && !known.has(keyOf(step.change)))
  return [
    ...priors,
    ...found.map(
      ({ resource, change: { kind, id, before } }) => ({ resource, kind, id, value: before }) as Prior,
    ),
  ]
}

function claimStep({ resource, phase, wanted, keepFound }: Claim, current: Lookup): Step {
  return { resource, phase, keepFound, change: changeTo(wanted, current(wanted)) }
}

function releaseStep(prior: Prior, current: Lookup): Step[] {
  const before = current(prior)
  if (isSameValue(before, prior.value)) return []
  // An interface that is gone took its parameters with it: there is nothing to restore.
  if (prior.kind === 'sysctl' && before === null) return []
  return [
    {
      resource: prior.resource,
      phase: releasePhase(prior),
      keepFound: true,
      change: changeTo(prior, before),
    },
  ]
}

const RELEASE_PHASES: Record<SettingKind, Phase> = {
  route: 'unroute',
  address: 'unbind',
  file: 'forget',
  sysctl: 'restore',
}

function releasePhase({ kind, value }: Setting): Phase {
  const bringsBackNetwork = value !== null && (kind === 'address' || kind === 'route')
  return bringsBackNetwork ? 'put-back' : RELEASE_PHASES[kind]
}
