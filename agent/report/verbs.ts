import { type CheckResult, overallVerdict } from '../checks/result.ts'
import type { Interrupted } from '../reconcile/journal.ts'
import type { Role } from '../reconcile/role.ts'
import type { ChangeReport } from './change.ts'
import { countChanges, printChanges, printNotes } from './plan.ts'
import { interruptedLine, interruptedReport } from './status.ts'
import type { Terminal } from './terminal.ts'
import { printChecks, printVerify } from './verify.ts'

/** What plan, apply, remove and verify say at their end, and the exit status that goes with it: alike for both roles. */

const DIFFERS = 2

export interface Planned {
  changes: ChangeReport[]
  notes: string[]
  interrupted: Interrupted | null
}

/** Which texts of files are printed, line by line: those that change, or new ones as well. */
export type ShownTexts = 'changed' | 'all'

/** Returns 0 when nothing is to do, 2 when something is. */
export async function tellPlan(
  terminal: Terminal,
  { command }: Role,
  { changes, notes, interrupted }: Planned,
  texts: ShownTexts = 'changed',
): Promise<number> {
  const converged = changes.length === 0
  if (terminal.json) terminal.document({ converged, changed: false, changes, notes })
  else {
    if (interrupted !== null) terminal.line(interruptedLine(terminal, interruptedReport(interrupted)))
    const shown = new Set(changes.filter(change => isShown(change, texts)))
    // Not at the top: most plans have no text to compare.
    const { printTextDiff } = shown.size === 0 ? { printTextDiff: null } : await import('./text-diff.ts')
    printChanges(terminal, changes, change => {
      if (shown.has(change)) printTextDiff?.(terminal, change)
    })
    printNotes(terminal, notes)
    const summary = converged
      ? 'nothing to do'
      : `${countChanges(changes.length)} pending; \`${command} apply\` makes them in this order`
    terminal.line(`${command} plan: ${summary}`)
  }
  return converged ? 0 : DIFFERS
}

function isShown({ action, before, after }: ChangeReport, texts: ShownTexts): boolean {
  const isText = [before, after].some(text => text?.includes('\n') === true)
  return isText && (action === 'update' || (action === 'create' && texts === 'all'))
}

export interface Applied {
  changes: ChangeReport[]
  checks: CheckResult[]
  notes: string[]
}

export function tellApply(
  terminal: Terminal,
  { command }: Role,
  { changes, checks, notes }: Applied,
): number {
  const changed = changes.length > 0
  if (terminal.json) terminal.document({ converged: true, changed, changes, checks, notes })
  else {
    printChanges(terminal, changes)
    printChecks(terminal, changed ? checks : checks.filter(check => check.verdict !== 'pass'))
    printNotes(terminal, notes)
    const summary = changed
      ? `done, ${countChanges(changes.length)}`
      : 'nothing to do, the host is as configured'
    terminal.line(`${command} apply: ${summary}`)
  }
  return 0
}

export interface Removed {
  changes: ChangeReport[]
  /** What was there before the first apply and is not put back. */
  leftOut: string[]
  notes: string[]
}

export function tellRemoval(
  terminal: Terminal,
  { command, title }: Role,
  { changes, leftOut, notes }: Removed,
): number {
  const changed = changes.length > 0
  if (terminal.json) terminal.document({ converged: true, changed, changes, leftOut, notes })
  else {
    printChanges(terminal, changes)
    printNotes(terminal, [...leftOut, ...notes])
    const summary = changed
      ? `done, ${countChanges(changes.length)}`
      : `nothing to do, ${title} is not applied here`
    terminal.line(`${command} remove: ${summary}`)
  }
  return 0
}

const VERDICT_STATUS = { pass: 0, fail: DIFFERS, unknown: 3 } as const

/** `leftOut`: those results that the user did not want. */
export function tellVerify(
  terminal: Terminal,
  { command }: Role,
  checks: readonly CheckResult[],
  leftOut: readonly CheckResult[],
): number {
  printVerify(terminal, command, checks, leftOut)
  return VERDICT_STATUS[overallVerdict(checks)]
}
