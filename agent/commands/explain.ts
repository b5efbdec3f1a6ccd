import { parseCheckId } from '../checks/selection.ts'
import { CHECK_IDS, type CheckId } from '../realserver/verify/check.ts'
import { EXPLANATIONS } from '../realserver/verify/explanations.ts'
import { recallVerify } from '../realserver/verify/last-verify.ts'
import { type ExplainedCheck, printChecksToExplain, printExplanations } from '../report/explain.ts'
import { type Invocation, withHost } from './invocation.ts'

/** What a check means, why it fails and how to mend it; without an id, what the last verify found wrong. */
export async function explainCommand(invocation: Invocation, id: string | undefined): Promise<number> {
  const { terminal } = invocation
  if (id !== undefined) {
    const check = parseCheckId(CHECK_IDS, id, 'explain')
    const explained: ExplainedCheck = { id: check, ...EXPLANATIONS[check], results: [] }
    if (terminal.json) terminal.document({ explanations: [explained] })
    else printExplanations(terminal, [explained])
    return 0
  }
  const last = await withHost(invocation, async ({ files }) => recallVerify(files))
  const wrong = (last?.checks ?? []).filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
  const ids = CHECK_IDS.filter((id: CheckId) => wrong.some(result => result.id === id))
  const explained = ids.map(
    (id): ExplainedCheck => ({ id, ...EXPLANATIONS[id], results: wrong.filter(result => result.id === id) }),
  )
  if (terminal.json) terminal.document({ lastVerify: last?.at ?? null, explanations: explained })
  else if (explained.length > 0) printExplanations(terminal, explained)
  else
    printChecksToExplain(
      terminal,
      CHECK_IDS.map(id => [id, EXPLANATIONS[id]]),
      last?.at ?? null,
    )
  return 0
}
