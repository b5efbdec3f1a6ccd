import { wantedRealServer } from '../realserver/desired.ts'
import { interestOf } from '../realserver/plan.ts'
import { CHECK_IDS, type CheckId, overallVerdict } from '../realserver/verify/check.ts'
import { runChecks } from '../realserver/verify/verify.ts'
import { observeHost } from '../reconcile/found.ts'
import { NOTHING_MANAGED } from '../reconcile/state.ts'
import { printChecks, summaryLine } from '../report/verify.ts'
import { type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

const EXIT_STATUS = { pass: 0, fail: 2, unknown: 3 } as const

/** Proves this host's role; changes nothing. */
export async function verifyCommand(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const wanted = wantedRealServer(loadInvocationConfig(invocation))
  const checks = await withHost(invocation, async host =>
    runChecks(
      CHECK_IDS as readonly CheckId[],
      host,
      wanted,
      await observeHost(host, interestOf(NOTHING_MANAGED)),
    ),
  )
  const durationMs = Math.round(performance.now())
  const verdict = overallVerdict(checks)
  if (terminal.json) terminal.document({ verdict, durationMs, checks })
  else {
    printChecks(terminal, checks)
    terminal.line(summaryLine(terminal, checks, durationMs))
  }
  return EXIT_STATUS[verdict]
}
