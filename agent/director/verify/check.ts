import { type CheckResult as GenericResult, inOrderOf } from '../../checks/result.ts'
import type { Host } from '../../host/host.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedDirector } from '../desired.ts'

/** The ids of this role's checks, in the order in which they are reported. */
export const CHECK_IDS = [
  'ipvs-pool',
  'vip-on-nic',
  'send-redirects',
  'arp-announce',
  'real-server-arp',
  'real-server-path',
  'sync-daemon',
] as const
export type CheckId = (typeof CHECK_IDS)[number]

export type CheckResult = GenericResult<CheckId>

/** Runs one check against an observation of the host; changes nothing. No result: it has nothing to look at here. */
export type Check = (
  host: Host,
  wanted: WantedDirector,
  found: FoundHost,
) => CheckResult[] | Promise<CheckResult[]>

/** By the ids; results of one check keep their order. */
export function inOrder(results: readonly CheckResult[]): CheckResult[] {
  return inOrderOf(CHECK_IDS, results)
}
