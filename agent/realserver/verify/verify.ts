import { AgentError, messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { CHECK_IDS, type Check, type CheckId, type CheckResult } from './check.ts'

/**
 * Runs the checks, all at once: each has taps and injectors of its own, looks only at its own frames, and
 * waits most of its time. Results come in the order of the ids.
 */
export async function runChecks(
  checks: Partial<Record<CheckId, Check>>,
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  onWaiting: (ids: readonly CheckId[]) => void = () => undefined,
): Promise<CheckResult[]> {
  const ids = CHECK_IDS.filter(id => checks[id] !== undefined)
  const waiting = new Set<CheckId>(ids)
  const results = ids.map(async id => {
    const result = await runCheck(id, checks[id] as Check, host, wanted, found)
    waiting.delete(id)
    onWaiting([...waiting])
    return result
  })
  onWaiting([...waiting])
  return (await Promise.all(results)).flat()
}

/** A check that fails to run has found nothing out: that is no reason to lose what the others found. */
async function runCheck(id: CheckId, check: Check, ...about: Parameters<Check>): Promise<CheckResult[]> {
  try {
    return await check(...about)
  } catch (error) {
    const hint = error instanceof AgentError ? error.hint : 'run it again; if it stays so, please report it'
    return [{ id, subject: 'this host', verdict: 'unknown', evidence: messageOf(error), hint }]
  }
}
