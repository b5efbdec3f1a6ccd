import { AgentError, messageOf } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import { executeGroup, groupSteps, type Interlock, type Progress } from './execute.ts'
import { type FoundHost, lookupIn } from './found.ts'
import type { Journal } from './journal.ts'
import type { Role } from './role.ts'
import { keyOf } from './setting.ts'
import type { Step } from './step.ts'
import { undo } from './undo.ts'

export interface Transaction {
  role: Role
  verb: 'apply' | 'remove'
  host: Host
  steps: readonly Step[]
  /** Kernel parameters that the role needs once the steps are made. */
  needs: SysctlPath[]
  journal: Journal
  interlock: Interlock
  observe(): Promise<FoundHost>
  /** What is still to do after the steps; anything is a failure. */
  remaining(found: FoundHost): Step[]
  /** Looks at the result from outside; throws when it is not what was promised. */
  prove(found: FoundHost): Promise<void>
  /** Makes the result last, under the name of the run; the journal is cleared only after it. */
  commit(startedAt: string): Promise<void>
  /** Clears up after a commit that stands; a failure here is told, not undone. */
  tidy(): void
  /** Keeps what is known of the host when undo could not finish. */
  commitUndoIncomplete(): Promise<void>
  signal: AbortSignal
  onProgress(progress: Progress): void
}

/**
 * Makes all the steps or none: journal, execute, observe again, prove, commit. Any failure takes back what
 * was done; throws AgentError `failed` when all is as before, `undo-incomplete` when it is not. Resolves
 * with what could not be cleared up afterwards.
 */
export async function applySteps(transaction: Transaction): Promise<string[]> {
  const { verb, steps, needs, journal } = transaction
  let startedAt: string
  try {
    startedAt = journal.begin({ verb, steps, needs })
  } catch (failure) {
    throw withOutcome(failure, 'nothing was changed')
  }
  try {
    await makeSteps(transaction)
    const found = await transaction.observe()
    refuseRest(transaction.remaining(found))
    refuseStopped(transaction)
    await transaction.prove(found)
    refuseStopped(transaction)
    await transaction.commit(startedAt)
  } catch (failure) {
    await takeBack(transaction, failure)
  }
  return clearUp(transaction)
}

/** A journal that stays makes the next run look once more, and do nothing: no reason to undo good work. */
export function clearUp({ journal, tidy }: Pick<Transaction, 'journal' | 'tidy'>): string[] {
  try {
    journal.clear()
    tidy()
    return []
  } catch (error) {
    return [`the journal could not be cleared up: ${messageOf(error)}`]
  }
}

async function makeSteps(transaction: Transaction): Promise<void> {
  const { host, steps, journal, interlock, onProgress } = transaction
  let made = 0
  for (const group of groupSteps(steps)) {
    refuseStopped(transaction)
    onProgress({ phase: phaseOf(group), made, total: steps.length })
    await executeGroup(host, group, interlock)
    journal.mark(group.length)
    made += group.length
  }
}

function refuseStopped({ signal }: Transaction): void {
  if (signal.aborted) throw new AgentError('failed', `stopped by ${String(signal.reason)}`, 'run it again')
}

function refuseRest([first]: readonly Step[]): void {
  if (first === undefined) return
  const subject = keyOf(first.change)
  throw new AgentError(
    'failed',
    `${subject} is not as it was just set`,
    'something else on this host changes it: look for another network manager or script',
  )
}

/** Always throws: the failure as it was, or with what could not be undone. */
async function takeBack(transaction: Transaction, failure: unknown): Promise<never> {
  const { journal, role } = transaction
  const lost = await undoSteps(transaction)
  if (lost.length === 0) {
    const notes = clearUp({ journal, tidy: () => undefined })
    throw withOutcome(failure, ['nothing was changed: every step was undone', ...notes].join('; '))
  }
  // Where even this cannot be written the journal stays, and tells the next run the same.
  await transaction.commitUndoIncomplete().then(journal.clear, error => {
    lost.push(messageOf(error))
  })
  const hint = `run \`${role.command} plan\` to see how the host is now; \`${role.command} remove\` takes the rest back`
  throw new AgentError(
    'undo-incomplete',
    `${messageOf(failure)}; not undone: ${lost.join('; ')}`,
    hint,
    failure,
  )
}

/** Undoes what was made, and looks whether it is undone; returns what is not, each with the reason. */
async function undoSteps({ host, steps, interlock, observe }: Transaction): Promise<string[]> {
  const complaints: string[] = []
  try {
    for (const step of undo(steps, lookupIn(await observe())))
      await executeGroup(host, [step], interlock).catch(error => {
        complaints.push(messageOf(error))
      })
    const rest = undo(steps, lookupIn(await observe()))
    // Whatever was said on the way: a web server may complain of what was wrong before, too.
    if (rest.length === 0) return []
    return complaints.length > 0
      ? complaints
      : rest.map(({ change }) => `${keyOf(change)} is not as it was before`)
  } catch (error) {
    return [...complaints, messageOf(error)]
  }
}

function withOutcome(failure: unknown, outcome: string): AgentError {
  const { code, message, hint } =
    failure instanceof AgentError
      ? failure
      : new AgentError('failed', messageOf(failure), 'run it again', failure)
  return new AgentError(code, `${message}; ${outcome}`, hint, failure)
}

function phaseOf(group: readonly Step[]): Step['phase'] {
  const [first] = group
  if (first === undefined) throw new Error('an empty group of steps')
  return first.phase
}
