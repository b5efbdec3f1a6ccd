import { type CheckResult as GenericResult, inOrderOf } from '../../checks/result.ts'
import type { Host } from '../../host/host.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'

/** The ids of this role's checks, in the order in which they are reported. */
export const CHECK_IDS = [
  'vip-bound',
  'vip-route',
  'arp-sysctl',
  'arp-sysctl-persisted',
  'arp-silence',
  'arp-announce',
  'ndp-silence',
  'proxy-arp',
  'rp-filter',
  'vip-owner',
  'datapath',
  'nfs-mounted',
  'service-answers',
  'packages',
  'boot-persistence',
] as const
export type CheckId = (typeof CHECK_IDS)[number]

export type CheckResult = GenericResult<CheckId>

/** Runs one check against an observation of the host; changes nothing. No result: it has nothing to look at here. */
export type Check = (
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
) => CheckResult[] | Promise<CheckResult[]>

/** By the ids; results of one check keep their order. */
export function inOrder(results: readonly CheckResult[]): CheckResult[] {
  return inOrderOf(CHECK_IDS, results)
}
