import { findDrift } from '../realserver/converge.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { packageReport } from '../report/change.ts'
import { reportsOf } from '../report/plan.ts'
import { tellPlan } from '../report/verbs.ts'
import { type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** What apply would change; 0 when nothing, 2 when something. */
export async function planCommand(
  invocation: Invocation,
  { diff = false }: { diff?: boolean } = {},
): Promise<number> {
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config, invocation.root)
  const { packages, steps, notes, interrupted } = await withHost(invocation, host =>
    findDrift(host, config, wanted),
  )
  const changes = [...packages.map(packageReport), ...reportsOf(steps)]
  const planned = { changes, notes, interrupted }
  return tellPlan(invocation.terminal, REAL_SERVER, planned, diff ? 'all' : 'changed')
}
