import { rememberVerify } from '../checks/last-verify.ts'
import { type Selection, selectChecks } from '../checks/selection.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { interestOf } from '../realserver/plan.ts'
import { CHECK_IDS, type CheckId, inOrder } from '../realserver/verify/check.ts'
import { CHECKS, CHECKS_ON_THE_WIRE, interestOfChecks } from '../realserver/verify/checks.ts'
import { runChecks } from '../realserver/verify/verify.ts'
import { observeHost } from '../reconcile/found.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { NOTHING_MANAGED } from '../reconcile/state.ts'
import { tellVerify } from '../report/verbs.ts'
import { type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** Proves this host's role; changes nothing of it. */
export async function verifyCommand(invocation: Invocation, selection: Selection): Promise<number> {
  const { terminal } = invocation
  const { ids, leftOut } = selectChecks({ ids: CHECK_IDS, onTheWire: CHECKS_ON_THE_WIRE }, selection)
  const checks = Object.fromEntries(ids.map(id => [id, CHECKS[id]]))
  const wanted = wantedRealServer(loadInvocationConfig(invocation), invocation.root)
  const results = await withHost(invocation, async host => {
    const found = await observeHost(host, interestOfChecks(interestOf(wanted, NOTHING_MANAGED)))
    const showWaiting = (ids: readonly CheckId[]): void =>
      terminal.progress(ids.length === 0 ? null : `waiting for ${ids.join(', ')}`)
    const results = inOrder([...(await runChecks(checks, host, wanted, found, showWaiting)), ...leftOut])
    rememberVerify(host.files, 'real server', results, new Date())
    return results
  })
  return tellVerify(terminal, REAL_SERVER, results, leftOut)
}
