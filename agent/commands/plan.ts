import { wantedRealServer } from '../realserver/desired.ts'
import { interestOf, planRealServer } from '../realserver/plan.ts'
import { observeHost } from '../reconcile/found.ts'
import { recallOther } from '../reconcile/handover.ts'
import { recall } from '../reconcile/recall.ts'
import { refuse } from '../reconcile/refusal.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { countChanges, printChanges, printNotes, reportsOf } from '../report/plan.ts'
import { interruptedLine } from '../report/status.ts'
import { type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** What apply would change; 0 when nothing, 2 when something. */
export async function planCommand(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config)
  return withHost(invocation, async host => {
    const { state, interrupted } = recall(host.files, REAL_SERVER)
    const { steps, refusals, leftOut } = planRealServer(
      wanted,
      await observeHost(host, interestOf(state)),
      state,
      recallOther(host.files, REAL_SERVER),
    )
    refuse(config, refusals)
    const converged = steps.length === 0
    if (terminal.json)
      terminal.document({ converged, changed: false, changes: reportsOf(steps), notes: leftOut })
    else {
      if (interrupted !== null) terminal.line(interruptedLine(terminal, interrupted))
      printChanges(terminal, steps)
      printNotes(terminal, leftOut)
      const summary = converged
        ? 'nothing to do'
        : `${countChanges(steps.length)} pending; \`rs-agent apply\` makes them in this order`
      terminal.line(`rs-agent plan: ${summary}`)
    }
    return converged ? 0 : 2
  })
}
