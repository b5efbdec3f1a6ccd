import { wantedRealServer } from '../realserver/desired.ts'
import { interestOf, planRealServer } from '../realserver/plan.ts'
import { observeHost } from '../reconcile/found.ts'
import { recallOther } from '../reconcile/handover.ts'
import { recall } from '../reconcile/recall.ts'
import { refuse } from '../reconcile/refusal.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { reportsOf } from '../report/plan.ts'
import { tellPlan } from '../report/verbs.ts'
import { type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** What apply would change; 0 when nothing, 2 when something. */
export async function planCommand(invocation: Invocation): Promise<number> {
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config, invocation.root)
  return withHost(invocation, async host => {
    const { state, interrupted } = recall(host.files, REAL_SERVER)
    const { steps, refusals, leftOut } = planRealServer(
      wanted,
      await observeHost(host, interestOf(wanted, state)),
      state,
      recallOther(host.files, REAL_SERVER),
    )
    refuse(config, refusals)
    const planned = { changes: reportsOf(steps), notes: leftOut, interrupted }
    return tellPlan(invocation.terminal, REAL_SERVER, planned)
  })
}
