/** `unknown`: the check could not find out. It is never counted as a pass. `skipped`: there was nothing to find out. */
export type Verdict = 'pass' | 'fail' | 'unknown' | 'skipped'

export interface CheckResult<Id extends string = string> {
  id: Id
  /** What was looked at: a VIP, a NIC, a real server, or several of them. */
  subject: string
  verdict: Verdict
  /** What was seen, with the values. */
  evidence: string
  /** The next thing to do; empty for a pass. */
  hint: string
}

/** By the ids; results of one check keep their order. */
export function inOrderOf<Id extends string>(
  ids: readonly Id[],
  results: readonly CheckResult<Id>[],
): CheckResult<Id>[] {
  return results.toSorted((left, right) => ids.indexOf(left.id) - ids.indexOf(right.id))
}

export function overallVerdict(results: readonly CheckResult[]): 'pass' | 'fail' | 'unknown' {
  if (results.some(result => result.verdict === 'fail')) return 'fail'
  if (results.some(result => result.verdict === 'unknown')) return 'unknown'
  return results.some(result => result.verdict === 'pass') ? 'pass' : 'unknown'
}
