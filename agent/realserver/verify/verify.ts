import { runConcurrently } from '../../checks/run.ts'
import type { Host } from '../../host/host.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { isBound } from '../vip-address.ts'
import { CHECK_IDS, type Check, type CheckId, type CheckResult } from './check.ts'

/** Runs the checks, all at once. Results come in the order of the ids. */
export function runChecks(
  checks: Partial<Record<CheckId, Check>>,
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  onWaiting: (ids: readonly CheckId[]) => void = () => undefined,
): Promise<CheckResult[]> {
  const runnable = CHECK_IDS.flatMap(id => {
    const check = wanted.drain === 'withdrawn' && NEEDS_A_VIP.has(id) ? checkWithdrawn(id) : checks[id]
    return checks[id] === undefined || check === undefined
      ? []
      : [[id, () => check(host, wanted, found)] as const]
  })
  return runConcurrently(runnable, onWaiting)
}

/** What cannot be right on a host whose VIPs an administrator has unbound. */
const NEEDS_A_VIP: ReadonlySet<CheckId> = new Set([
  'vip-bound',
  'vip-route',
  'arp-announce',
  'vip-owner',
  'datapath',
  'service-answers',
])

function checkWithdrawn(id: CheckId): Check {
  return (_, { vips }, found) => {
    const bound = vips.find(vip => id === 'vip-bound' && isBound(vip, found))
    if (bound !== undefined)
      return [
        {
          id,
          subject: bound,
          verdict: 'fail',
          evidence: 'bound, though this host is drained without its VIPs',
          hint: 'rs-agent apply',
        },
      ]
    const evidence = 'drained with --unbind: no VIP is bound until `rs-agent undrain`'
    return [{ id, subject: 'this host', verdict: 'skipped', evidence, hint: '' }]
  }
}
