import { runConcurrently } from '../../checks/run.ts'
import type { Host } from '../../host/host.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedDirector } from '../desired.ts'
import { CHECK_IDS, type Check, type CheckId, type CheckResult } from './check.ts'

/** Runs the checks, all at once. Results come in the order of the ids. */
export function runChecks(
  checks: Partial<Record<CheckId, Check>>,
  host: Host,
  wanted: WantedDirector,
  found: FoundHost,
  onWaiting: (ids: readonly CheckId[]) => void = () => undefined,
): Promise<CheckResult[]> {
  const runnable = CHECK_IDS.flatMap(id => {
    const check = checks[id]
    return check === undefined ? [] : [[id, () => check(host, wanted, found)] as const]
  })
  return runConcurrently(runnable, onWaiting)
}
