import { type CheckResult, overallVerdict, type Verdict } from '../checks/result.ts'
import type { Terminal } from './terminal.ts'

const LABELS: Record<Verdict, string> = { pass: 'ok', fail: 'FAIL', unknown: 'UNKNOWN', skipped: 'skipped' }
const COLORS = { pass: 'green', fail: 'red', unknown: 'yellow', skipped: 'dim' } as const
/** Of one check with many VIPs: enough to see what is wrong. */
const SHOWN_OF_A_KIND = 4

/** What failed first, then what is not known, then one line of what passed. */
export function printChecks(terminal: Terminal, checks: readonly CheckResult[]): void {
  for (const verdict of ['fail', 'unknown'] as const)
    for (const [id, results] of Map.groupBy(withVerdict(checks, verdict), ({ id }) => id)) {
      for (const result of results.slice(0, SHOWN_OF_A_KIND)) printResult(terminal, result)
      const more = results.length - SHOWN_OF_A_KIND
      if (more > 0)
        terminal.line(`  ${label(terminal, verdict)} ${id.padEnd(20)} … and ${more} more (--json lists all)`)
    }
  // A pass with a hint has something to say all the same.
  for (const result of withVerdict(checks, 'pass')) if (result.hint !== '') printResult(terminal, result)
  const passed = passedOf(checks)
  if (passed.length > 0) terminal.line(`  ${label(terminal, 'pass')} ${passed.join(', ')}`)
}

/** The ids, each with how many of its subjects where not all of them passed. */
function passedOf(checks: readonly CheckResult[]): string[] {
  const made = checks.filter(({ verdict }) => verdict !== 'skipped')
  return [...Map.groupBy(made, ({ id }) => id)].flatMap(([id, results]) => {
    const passed = withVerdict(results, 'pass').length
    if (passed === 0) return []
    return [passed === results.length ? id : `${id} (${passed} of ${results.length})`]
  })
}

/** One result in full, with the next thing to do. */
export function printResult(terminal: Terminal, { id, subject, verdict, evidence, hint }: CheckResult): void {
  terminal.line(`  ${label(terminal, verdict)} ${id.padEnd(20)} ${subject}: ${evidence}`)
  if (hint !== '') terminal.line(`${' '.repeat(31)}${terminal.style('cyan', `-> ${hint}`)}`)
}

/** What `verify` prints. `leftOut`: those results that the user did not want. */
export function printVerify(
  terminal: Terminal,
  command: string,
  results: readonly CheckResult[],
  leftOut: readonly CheckResult[],
): void {
  const durationMs = Math.round(performance.now())
  const verdict = overallVerdict(results)
  if (terminal.json) {
    terminal.document({ verdict, durationMs, checks: results })
    return
  }
  printChecks(terminal, results)
  const made = results.filter(result => !leftOut.includes(result))
  // Where nothing was found out, the reasons are all there is to say.
  if (made.every(result => result.verdict === 'skipped'))
    for (const result of made) printResult(terminal, result)
  terminal.line(summaryLine(terminal, command, results, durationMs))
}

/** One line that says it all: `rs-agent verify: fail, 1 failed, 6 passed in 0.1 s`. */
function summaryLine(
  terminal: Terminal,
  command: string,
  checks: readonly CheckResult[],
  durationMs: number,
): string {
  const verdict = overallVerdict(checks)
  const counts = [
    [withVerdict(checks, 'fail').length, 'failed'],
    [withVerdict(checks, 'unknown').length, 'unknown'],
    [withVerdict(checks, 'pass').length, 'passed'],
    [withVerdict(checks, 'skipped').length, 'skipped'],
  ] as const
  const text = counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ')
  const isExplained = checks.some(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
  const more = isExplained ? '; `rs-agent explain` says more' : ''
  return `${command} verify: ${terminal.style(['bold', COLORS[verdict]], verdict)}, ${text} in ${(durationMs / 1000).toFixed(2)} s${more}`
}

function withVerdict(checks: readonly CheckResult[], wanted: Verdict): CheckResult[] {
  return checks.filter(({ verdict }) => verdict === wanted)
}

function label(terminal: Terminal, verdict: Verdict): string {
  return terminal.style(COLORS[verdict], LABELS[verdict].padEnd(7))
}
