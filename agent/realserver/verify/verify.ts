import { AgentError, messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { checkArpSilence } from './arp-silence.ts'
import { checkArpSysctl } from './arp-sysctl.ts'
import { checkArpSysctlPersisted, readSysctlFiles } from './arp-sysctl-persisted.ts'
import type { CheckId, CheckResult } from './check.ts'
import { checkVipBound } from './vip-bound.ts'
import { checkVipRoute } from './vip-route.ts'

/** Runs one check against an observation of the host; changes nothing. */
type Check = (
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
) => CheckResult[] | Promise<CheckResult[]>

const CHECKS: Record<CheckId, Check> = {
  'vip-bound': (_, wanted, found) => checkVipBound(wanted, found),
  'vip-route': (_, wanted, found) => checkVipRoute(wanted, found),
  'arp-sysctl': (_, wanted, found) => checkArpSysctl(wanted, found),
  'arp-sysctl-persisted': (host, wanted, found) =>
    checkArpSysctlPersisted(wanted, found, readSysctlFiles(host)),
  'arp-silence': checkArpSilence,
}

/** The results of the checks named, in the order in which they are named. */
export async function runChecks(
  ids: readonly CheckId[],
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const id of ids) results.push(...(await runCheck(id, host, wanted, found)))
  return results
}

/** A check that fails to run has found nothing out: that is no reason to lose what the others found. */
async function runCheck(id: CheckId, ...[host, wanted, found]: Parameters<Check>): Promise<CheckResult[]> {
  try {
    return await CHECKS[id](host, wanted, found)
  } catch (error) {
    const hint = error instanceof AgentError ? error.hint : 'run it again; if it stays so, please report it'
    return [{ id, subject: 'this host', verdict: 'unknown', evidence: messageOf(error), hint }]
  }
}
