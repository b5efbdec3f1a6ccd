import type { Lookup } from './found.ts'
import { isSameValue } from './setting.ts'
import type { Step } from './step.ts'

/**
 * The steps that take back what was done, in reverse order, judged by what the host has now: a step that
 * had not happened, or only for a part of its batch, needs no undoing.
 */
export function undo(steps: readonly Step[], current: Lookup): Step[] {
  const undone = steps.toReversed().flatMap(step => {
    const now = current(step.change)
    if (isSameValue(now, step.change.before)) return []
    return [{ ...step, change: { ...step.change, before: now, after: step.change.before } as Step['change'] }]
  })
  const rank = (step: Step): number => (bringsBackService(step) ? 0 : runsOn(step) ? 2 : 1)
  return undone.toSorted((left, right) => rank(left) - rank(right))
}

/** A web server that ran before reads its files once they are as they were. */
function runsOn({ change }: Step): boolean {
  return change.kind === 'web-server' && change.after?.running === true
}

/** Somebody else may have flushed the table meanwhile: its real servers can only follow. */
function bringsBackService({ change }: Step): boolean {
  return change.kind === 'ipvs-service' && change.before === null
}
