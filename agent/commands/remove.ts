import { releaseRealServer } from '../realserver/converge.ts'
import { countChanges, printChanges, printNotes, reportsOf } from '../report/plan.ts'
import { changeHost, type Invocation } from './invocation.ts'

/** Takes the role off this host; needs no configuration, the state knows what was there before. */
export async function removeCommand(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { steps, leftOut, notes } = await changeHost(invocation, releaseRealServer)
  const changed = steps.length > 0
  if (terminal.json)
    terminal.document({ converged: true, changed, changes: reportsOf(steps), leftOut, notes })
  else {
    printChanges(terminal, steps)
    printNotes(terminal, [...leftOut, ...notes])
    const summary = changed ? `done, ${countChanges(steps.length)}` : 'nothing to do, no role is applied here'
    terminal.line(`rs-agent remove: ${summary}`)
  }
  return 0
}
