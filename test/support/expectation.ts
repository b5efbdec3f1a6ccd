import type { Check, VerifyReport } from './rs-agent.ts'

/**
 * By check, what its evidence must say. The key is an id, which stands for all its results, or an id and a
 * subject: `arp-silence 10.10.10.100 on eth1`.
 */
export type Evidence = Record<string, RegExp>

/** What verify must say. Every check that is not named here must pass. */
export interface Expectation {
  fail?: Evidence
  unknown?: Evidence
  skipped?: Evidence
  /** Only for evidence that a pass must give. */
  pass?: Evidence
  /** Where it is a matter of time whether they see it: these may fail so, or pass. */
  mayFail?: Evidence
  /** Ids of checks that have nothing to look at. */
  absent?: readonly string[]
}

type Verdict = Check['verdict']
const verdicts: readonly Verdict[] = ['fail', 'unknown', 'skipped', 'pass']

/** What verify said otherwise, a line each. `ids` are the checks that must be there: one that is left out proves nothing. */
export function mismatches(
  report: VerifyReport & { exitCode?: number | undefined },
  expected: Expectation,
  ids: readonly string[],
): string[] {
  const { checks } = report
  const due = ids.filter(id => !expected.absent?.includes(id))
  return [
    ...due.filter(id => !checks.some(check => check.id === id)).map(id => `${id}: no result`),
    ...checks.filter(({ id }) => !due.includes(id)).map(check => `${titleOf(check)}: not expected at all`),
    ...keysOf(expected)
      .filter(key => !checks.some(check => check.id === key || titleOf(check) === key))
      .map(key => `${key}: expected, and no such result`),
    ...checks.flatMap(check => mismatchesOf(check, expected)),
    ...overallMismatch(report, expected),
  ]
}

function mismatchesOf(check: Check, expected: Expectation): string[] {
  const title = titleOf(check)
  const said = `${check.verdict}: ${check.evidence}`
  if (check.verdict === 'fail' && expected.mayFail?.[check.id]?.test(check.evidence)) return []
  const [verdict, evidence] = expectedOf(check, expected)
  if (check.verdict !== verdict) return [`${title}: ${verdict} expected, but ${said}`]
  if (evidence !== undefined && !evidence.test(check.evidence))
    return [`${title}: ${evidence} expected in its evidence: ${said}`]
  if (check.evidence === '') return [`${title}: ${verdict} without evidence`]
  const needsHint = verdict === 'fail' || verdict === 'unknown'
  return needsHint && check.hint === '' ? [`${title}: ${said}, and no hint`] : []
}

/** A result that is named with its subject counts before one that is named by its id. */
function expectedOf(check: Check, expected: Expectation): [Verdict, RegExp | undefined] {
  for (const key of [titleOf(check), check.id])
    for (const verdict of verdicts) {
      const evidence = expected[verdict]?.[key]
      if (evidence !== undefined) return [verdict, evidence]
    }
  return ['pass', undefined]
}

function overallMismatch(
  { verdict, exitCode }: VerifyReport & { exitCode?: number | undefined },
  { fail, unknown }: Expectation,
): string[] {
  const [wanted, wantedCode] = fail ? ['fail', 2] : unknown ? ['unknown', 3] : ['pass', 0]
  if (verdict === wanted && exitCode === wantedCode) return []
  return [`${wanted} and exit code ${wantedCode} expected, but ${verdict} and ${exitCode}`]
}

function keysOf(expected: Expectation): string[] {
  return verdicts.flatMap(verdict => Object.keys(expected[verdict] ?? {}))
}

function titleOf({ id, subject }: Check): string {
  return `${id} ${subject}`
}
