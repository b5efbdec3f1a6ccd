import type { Host } from '../host/host.ts'
import { executeGroup, groupSteps, type Interlock } from './execute.ts'
import { isSameValue, keyOf } from './setting.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'

/**
 * Whether the steps only bring back what the role had set before: nothing of the host's is learnt or forgotten, so that
 * nothing is written down, and a full disk is no reason to leave a VIP unbound.
 */
export function isRemembered(steps: readonly Step[], { priors }: Pick<State, 'priors'>): boolean {
  const known = new Map(priors.map(prior => [keyOf(prior), prior.value]))
  return steps.every(({ change, onRemove }) => {
    const key = keyOf(change)
    const prior = known.get(key)
    if (prior === undefined) return onRemove === 'forget'
    return !isSameValue(prior, change.after)
  })
}

/**
 * Makes the steps without a journal. One group that fails does not keep the others from being made, as the interlock
 * judges each by how the host is then; throws the first failure, and the rest is found again.
 */
export async function restore(host: Host, steps: readonly Step[], interlock: Interlock): Promise<void> {
  const failures: unknown[] = []
  for (const group of groupSteps(steps))
    await executeGroup(host, group, interlock).catch(error => failures.push(error))
  if (failures.length > 0) throw failures[0]
}
