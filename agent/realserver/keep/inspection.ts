import type { Host } from '../../host/host.ts'
import { observeHost } from '../../reconcile/found.ts'
import { recall } from '../../reconcile/recall.ts'
import { REAL_SERVER } from '../../reconcile/role.ts'
import type { WantedRealServer } from '../desired.ts'
import { interestOf } from '../plan.ts'
import { type CheckResult, inOrder } from '../verify/check.ts'
import { runChecks } from '../verify/verify.ts'

/** Makes all checks of verify, or those alone that need no waiting; of the others what was found before stays. */
export async function lookThrough(
  host: Host,
  wanted: WantedRealServer,
  extent: 'everything' | 'what costs little',
  before: readonly CheckResult[],
): Promise<CheckResult[]> {
  const { CHECKS, interestOfChecks, SERVING_CHECKS } = await import('../verify/checks.ts')
  const { STATIC_CHECKS } = await import('../verify/static-checks.ts')
  const checks = extent === 'everything' ? CHECKS : { ...STATIC_CHECKS, ...SERVING_CHECKS }
  const { state } = recall(host.files, REAL_SERVER)
  const found = await observeHost(host, interestOfChecks(interestOf(wanted, state)))
  const results = await runChecks(checks, host, wanted, found)
  return inOrder([...results, ...before.filter(({ id }) => !(id in checks))])
}
