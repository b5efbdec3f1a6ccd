import type { Interrupted } from '../reconcile/journal.ts'
import type { State } from '../reconcile/state.ts'
import { countChanges } from './plan.ts'
import type { Terminal } from './terminal.ts'

export interface StatusReport {
  asConfigured: boolean
  vips: { address: string; bound: boolean; evidence: string }[]
  nics: { name: string; silent: boolean; evidence: string }[]
  lastApply: State['lastApply']
  interrupted: InterruptedReport | null
  /** Changes that `rs-agent plan` would list. */
  pending: number
}

export function printStatus(terminal: Terminal, report: StatusReport): void {
  const mark = (good: boolean): string =>
    good ? terminal.style('green', 'ok  ') : terminal.style('red', 'FAIL')
  for (const { address, bound, evidence } of report.vips)
    terminal.line(`  ${mark(bound)} VIP ${address}: ${evidence}`)
  for (const { name, silent, evidence } of report.nics)
    terminal.line(`  ${mark(silent)} NIC ${name}: ${evidence}`)
  const { lastApply, pending } = report
  terminal.line(
    `  last apply: ${lastApply === null ? 'none' : `${lastApply.at}, ${countChanges(lastApply.changes)}`}`,
  )
  const state = report.asConfigured
    ? terminal.style('green', 'as configured')
    : terminal.style('red', 'not as configured')
  terminal.line(
    `rs-agent status: ${state}${pending === 0 ? '' : `; \`rs-agent plan\` shows what is different (${pending})`}`,
  )
}

/** A run that ended in the middle, or is under way, with how many of its steps were surely made. */
export interface InterruptedReport {
  verb: string
  startedAt: string
  done: number
  steps: number
}

export function interruptedReport(interrupted: Interrupted | null): InterruptedReport | null {
  if (interrupted === null) return null
  const { verb, startedAt, done, steps } = interrupted
  return { verb, startedAt, done, steps: steps.length }
}

export function interruptedLine(terminal: Terminal, { verb, startedAt, done, steps }: Interrupted): string {
  const what = `${verb} of ${startedAt} is under way, or was interrupted, after ${done} of ${steps.length} steps`
  return `  ${terminal.style('yellow', '!')} ${what}; the next apply or remove finishes the work`
}
