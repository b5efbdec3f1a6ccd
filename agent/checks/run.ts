import { AgentError, messageOf } from '../errors.ts'
import type { CheckResult } from './result.ts'

/** One look at the host, that changes nothing. No result: it has nothing to look at here. */
export type RunnableCheck<Id extends string> = () => CheckResult<Id>[] | Promise<CheckResult<Id>[]>

/**
 * Runs the checks, all at once: each has taps and injectors of its own, looks only at its own frames, and
 * waits most of its time. Results come in the order of the entries.
 */
export async function runConcurrently<Id extends string>(
  checks: readonly (readonly [Id, RunnableCheck<Id>])[],
  onWaiting: (ids: readonly Id[]) => void,
): Promise<CheckResult<Id>[]> {
  const waiting = new Set(checks.map(([id]) => id))
  const results = checks.map(async ([id, check]) => {
    const result = await runCheck(id, check)
    waiting.delete(id)
    onWaiting([...waiting])
    return result
  })
  onWaiting([...waiting])
  const all = (await Promise.all(results)).flat()
  return all.length > 0 ? all : checks.map(([id]) => nothingThere(id))
}

/** Only told where no other result says anything. */
function nothingThere<Id extends string>(id: Id): CheckResult<Id> {
  const evidence = 'there is nothing to look at: the configuration has no VIP for it, or the host no NIC'
  return { id, subject: 'this host', verdict: 'skipped', evidence, hint: '' }
}

/** A check that fails to run has found nothing out: that is no reason to lose what the others found. */
async function runCheck<Id extends string>(id: Id, check: RunnableCheck<Id>): Promise<CheckResult<Id>[]> {
  try {
    return await check()
  } catch (error) {
    const hint = error instanceof AgentError ? error.hint : 'run it again; if it stays so, please report it'
    return [{ id, subject: 'this host', verdict: 'unknown', evidence: messageOf(error), hint }]
  }
}
