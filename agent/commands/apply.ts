import { convergeRealServer } from '../realserver/converge.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { packageReport } from '../report/change.ts'
import { reportsOf } from '../report/plan.ts'
import { tellApply } from '../report/verbs.ts'
import { changeHost, type Invocation, loadInvocationConfig } from './invocation.ts'
import { planCommand } from './plan.ts'

/** Makes this host the configured real server. */
export async function applyCommand(invocation: Invocation, { dryRun }: { dryRun: boolean }): Promise<number> {
  if (dryRun) return planCommand(invocation)
  const config = loadInvocationConfig(invocation)
  // Before rights and locks are asked for.
  wantedRealServer(config, invocation.root)
  const { packages, steps, checks, notes } = await changeHost(invocation, (host, watching) =>
    // A drain may have begun or ended until then.
    convergeRealServer(host, config, wantedRealServer(config, invocation.root), watching),
  )
  const changes = [...packages.map(packageReport), ...reportsOf(steps)]
  return tellApply(invocation.terminal, REAL_SERVER, { changes, checks, notes })
}
