import { releaseRealServer } from '../realserver/converge.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { reportsOf } from '../report/plan.ts'
import { tellRemoval } from '../report/verbs.ts'
import { changeHost, type Invocation } from './invocation.ts'

/** Takes the role off this host; needs no configuration, the state knows what was there before. */
export async function removeCommand(invocation: Invocation): Promise<number> {
  const { steps, leftOut, notes } = await changeHost(invocation, releaseRealServer)
  return tellRemoval(invocation.terminal, REAL_SERVER, { changes: reportsOf(steps), leftOut, notes })
}
