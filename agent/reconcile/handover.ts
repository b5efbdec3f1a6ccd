import type { Files } from '../host/files.ts'
import { type FoundHost, lookupIn } from './found.ts'
import { isNeeded, type OtherRole } from './plan.ts'
import { recall } from './recall.ts'
import { otherRole, type Role } from './role.ts'
import { isSameValue, keyOf } from './setting.ts'
import { readState, type State, writeState } from './state.ts'
import type { Prior } from './step.ts'

/**
 * Two roles of one host need some of the same kernel parameters. The one that set them first remembers what was there
 * before; the one that goes first leaves them alone, and hands that memory over to the one that stays.
 */

/** What the other role of this host remembers, an interrupted run of it included. */
export function recallOther(files: Files, role: Role): State {
  return recall(files, otherRole(role)).state
}

/** Before the role forgets: until then both know it, which does no harm however often a run begins anew. */
export async function handOver(files: Files, role: Role, { priors }: State): Promise<void> {
  const known = recallOther(files, role)
  const inherited = sharedOf(priors, known)
  if (inherited.length === 0) return
  const heir = readState(files, otherRole(role))
  await writeState(files, otherRole(role), { ...heir, priors: [...heir.priors, ...inherited] })
}

/** Of what remove leaves as it is. */
export function tellOfShared(
  { priors }: Pick<State, 'priors'>,
  other: OtherRole,
  found: FoundHost,
  role: Role,
): string[] {
  const current = lookupIn(found)
  return priors.flatMap(prior => {
    const now = current(prior)
    if (prior.kind !== 'sysctl' || !isNeeded(prior, other) || isSameValue(now, prior.value)) return []
    return [`${prior.id.path} stays ${now}, it was ${prior.value}: ${otherRole(role).title} needs it`]
  })
}

function sharedOf(priors: readonly Prior[], other: OtherRole): Prior[] {
  const known = new Set(other.priors.map(keyOf))
  return priors.filter(prior => isNeeded(prior, other) && !known.has(keyOf(prior)))
}
