import { requireCapability } from '../host/capabilities.ts'
import { withLock } from '../host/lock.ts'
import { convergeRealServer } from '../realserver/converge.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { PHASE_TITLES } from '../reconcile/order.ts'
import { countChanges, printChanges, reportsOf } from '../report/plan.ts'
import { printChecks } from '../report/verify.ts'
import { type Invocation, loadInvocationConfig, untilSignal, withHost } from './invocation.ts'
import { planCommand } from './plan.ts'

/** Makes this host the configured real server. */
export async function applyCommand(invocation: Invocation, { dryRun }: { dryRun: boolean }): Promise<number> {
  if (dryRun) return planCommand(invocation)
  const { terminal, root } = invocation
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config)
  requireCapability('CAP_NET_ADMIN', 'bind addresses and set sysctls')
  const { steps, checks, notes } = await withHost(invocation, host =>
    withLock(root, () =>
      untilSignal(signal =>
        convergeRealServer(host, config, wanted, {
          signal,
          onProgress: ({ phase, made, total }) =>
            terminal.progress(`${PHASE_TITLES[phase]} (${made} of ${total} done)`),
        }),
      ),
    ),
  )
  terminal.progress(null)
  for (const note of notes) terminal.note(`${terminal.style('yellow', 'note')}: ${note}`)
  const changed = steps.length > 0
  if (terminal.json) terminal.document({ converged: true, changed, changes: reportsOf(steps), checks, notes })
  else {
    printChanges(terminal, steps)
    printChecks(terminal, changed ? checks : checks.filter(check => check.verdict !== 'pass'))
    terminal.line(
      `rs-agent apply: ${changed ? `done, ${countChanges(steps.length)}` : 'nothing to do, the host is as configured'}`,
    )
  }
  return 0
}
