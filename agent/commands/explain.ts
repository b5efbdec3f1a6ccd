import type { Explanation } from '../checks/explanation.ts'
import { type LastVerify, recallVerify } from '../checks/last-verify.ts'
import { parseCheckId } from '../checks/selection.ts'
import { CHECK_IDS as DIRECTOR_CHECK_IDS } from '../director/verify/check.ts'
import { EXPLANATIONS as DIRECTOR_EXPLANATIONS } from '../director/verify/explanations.ts'
import { CHECK_IDS } from '../realserver/verify/check.ts'
import { EXPLANATIONS } from '../realserver/verify/explanations.ts'
import { type ExplainedCheck, printChecksToExplain, printExplanations } from '../report/explain.ts'
import { type Invocation, withHost } from './invocation.ts'

/** An id that both roles have is explained for both. */
const REAL_SERVER: [string, Explanation][] = CHECK_IDS.map(id => [id, EXPLANATIONS[id]])
const DIRECTOR: [string, Explanation][] = DIRECTOR_CHECK_IDS.map(id => [id, DIRECTOR_EXPLANATIONS[id]])

/** What a check means, why it fails and how to mend it; without an id, what the last verify found wrong. */
export async function explainCommand(invocation: Invocation, id: string | undefined): Promise<number> {
  const { terminal } = invocation
  const all = [...REAL_SERVER, ...DIRECTOR]
  if (id !== undefined) {
    const ids = [...new Set(all.map(([id]) => id))]
    const check = parseCheckId(ids, id, 'explain')
    const explained = all
      .filter(([id]) => id === check)
      .map(([id, explanation]): ExplainedCheck => ({ id, ...explanation, results: [] }))
    if (terminal.json) terminal.document({ explanations: explained })
    else printExplanations(terminal, explained)
    return 0
  }
  const [realServer, director] = await withHost(invocation, async ({ files }) => [
    recallVerify(files, 'real server'),
    recallVerify(files, 'director'),
  ])
  const explained = [...wrongOf(REAL_SERVER, realServer), ...wrongOf(DIRECTOR, director)]
  const lastAt =
    [realServer?.at, director?.at]
      .filter(at => at !== undefined)
      .toSorted()
      .at(-1) ?? null
  if (terminal.json) terminal.document({ lastVerify: lastAt, explanations: explained })
  else if (explained.length > 0) printExplanations(terminal, explained)
  else printChecksToExplain(terminal, all, lastAt)
  return 0
}

function wrongOf(
  checks: readonly [string, Explanation][],
  last: LastVerify | null | undefined,
): ExplainedCheck[] {
  const wrong = (last?.checks ?? []).filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
  return checks
    .filter(([id]) => wrong.some(result => result.id === id))
    .map(([id, explanation]) => ({ id, ...explanation, results: wrong.filter(result => result.id === id) }))
}
