import { type CheckResult, overallVerdict, type Verdict } from '../realserver/verify/check.ts'
import type { Terminal } from './terminal.ts'

const LABELS: Record<Verdict, string> = { pass: 'ok', fail: 'FAIL', unknown: 'UNKNOWN', skipped: 'skipped' }
const COLORS = { pass: 'green', fail: 'red', unknown: 'yellow', skipped: 'dim' } as const

/** What failed first, then what is not known; of what passed a line per check. */
export function printChecks(terminal: Terminal, checks: readonly CheckResult[]): void {
  for (const verdict of ['fail', 'unknown'] as const)
    for (const check of checks.filter(check => check.verdict === verdict)) {
      terminal.line(
        `  ${label(terminal, verdict)} ${check.id.padEnd(20)} ${check.subject}: ${check.evidence}`,
      )
      if (check.hint !== '') terminal.line(`${' '.repeat(31)}${terminal.style('cyan', `-> ${check.hint}`)}`)
    }
  const passed = Map.groupBy(
    checks.filter(check => check.verdict === 'pass'),
    check => check.id,
  )
  for (const [id, results] of passed)
    terminal.line(`  ${label(terminal, 'pass')} ${id.padEnd(20)} ${subjects(results)}`)
}

/** One line that says it all: `rs-agent verify: FAIL, 1 failed, 6 passed in 0.1 s`. */
export function summaryLine(terminal: Terminal, checks: readonly CheckResult[], durationMs: number): string {
  const verdict = overallVerdict(checks)
  const count = (wanted: Verdict): number => checks.filter(check => check.verdict === wanted).length
  const counts = [
    [count('fail'), 'failed'],
    [count('unknown'), 'unknown'],
    [count('pass'), 'passed'],
  ] as const
  const text = counts
    .filter(([n]) => n > 0)
    .map(([n, what]) => `${n} ${what}`)
    .join(', ')
  return `rs-agent verify: ${terminal.style(['bold', COLORS[verdict]], verdict)}, ${text} in ${(durationMs / 1000).toFixed(2)} s`
}

function label(terminal: Terminal, verdict: Verdict): string {
  return terminal.style(COLORS[verdict], LABELS[verdict].padEnd(7))
}

function subjects(results: readonly CheckResult[]): string {
  const [first, second, third, ...others] = results.map(result => result.subject)
  const named = [first, second, third].filter(subject => subject !== undefined).join(', ')
  return others.length === 0 ? named : `${named} and ${others.length} more`
}
