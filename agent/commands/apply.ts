import { convergeRealServer } from '../realserver/converge.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { countChanges, printChanges, printNotes, reportsOf } from '../report/plan.ts'
import { printChecks } from '../report/verify.ts'
import { changeHost, type Invocation, loadInvocationConfig } from './invocation.ts'
import { planCommand } from './plan.ts'

/** Makes this host the configured real server. */
export async function applyCommand(invocation: Invocation, { dryRun }: { dryRun: boolean }): Promise<number> {
  if (dryRun) return planCommand(invocation)
  const { terminal } = invocation
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config)
  const { steps, checks, notes } = await changeHost(invocation, (host, watching) =>
    convergeRealServer(host, config, wanted, watching),
  )
  const changed = steps.length > 0
  if (terminal.json) terminal.document({ converged: true, changed, changes: reportsOf(steps), checks, notes })
  else {
    printChanges(terminal, steps)
    printChecks(terminal, changed ? checks : checks.filter(check => check.verdict !== 'pass'))
    printNotes(terminal, notes)
    const summary = changed
      ? `done, ${countChanges(steps.length)}`
      : 'nothing to do, the host is as configured'
    terminal.line(`rs-agent apply: ${summary}`)
  }
  return 0
}
