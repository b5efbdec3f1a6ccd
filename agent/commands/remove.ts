import { AgentError } from '../errors.ts'
import { releaseRealServer } from '../realserver/converge.ts'
import { isKept } from '../realserver/keep/report.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { purgeReport } from '../report/change.ts'
import { reportsOf } from '../report/plan.ts'
import { tellRemoval } from '../report/verbs.ts'
import { changeHost, type Invocation } from './invocation.ts'

/** Takes the role off this host; needs no configuration, the state knows what was there before. */
export async function removeCommand(
  invocation: Invocation,
  { purge = false }: { purge?: boolean },
): Promise<number> {
  const { steps, leftOut, notes, purged } = await changeHost(invocation, (host, watching) => {
    refuseWhileKept(invocation.root)
    return releaseRealServer(host, watching, { packages: purge ? 'purge' : 'keep' })
  })
  const changes = [...reportsOf(steps), ...purged.map(purgeReport)]
  return tellRemoval(invocation.terminal, REAL_SERVER, { changes, leftOut, notes })
}

/** It would put back what remove takes away. */
function refuseWhileKept(root: string): void {
  if (!isKept(root)) return
  throw new AgentError(
    'locked',
    '`rs-agent run` keeps this host a real server',
    'stop it first: rs-agent service uninstall, or systemctl stop rs-agent',
  )
}
