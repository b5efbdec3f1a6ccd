import { requireCapability } from '../host/capabilities.ts'
import { withLock } from '../host/lock.ts'
import { releaseRealServer } from '../realserver/converge.ts'
import { PHASE_TITLES } from '../reconcile/order.ts'
import { countChanges, printChanges, reportsOf } from '../report/plan.ts'
import { type Invocation, untilSignal, withHost } from './invocation.ts'

/** Takes the role off this host; needs no configuration, the state knows what was there before. */
export async function removeCommand(invocation: Invocation): Promise<number> {
  const { terminal, root } = invocation
  requireCapability('CAP_NET_ADMIN', 'unbind addresses and set sysctls')
  const { steps, leftOut, notes } = await withHost(invocation, host =>
    withLock(root, () =>
      untilSignal(signal =>
        releaseRealServer(host, {
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
  if (terminal.json)
    terminal.document({ converged: true, changed, changes: reportsOf(steps), leftOut, notes })
  else {
    printChanges(terminal, steps)
    for (const reason of leftOut) terminal.line(`  ${terminal.style('yellow', '!')} ${reason}`)
    terminal.line(
      `rs-agent remove: ${changed ? `done, ${countChanges(steps.length)}` : 'nothing to do, no role is applied here'}`,
    )
  }
  return 0
}
