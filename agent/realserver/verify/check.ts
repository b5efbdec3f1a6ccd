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
  'service-answers',
] as const
export type CheckId = (typeof CHECK_IDS)[number]

/** `unknown`: the check could not find out. It is never counted as a pass. `skipped`: there was nothing to find out. */
export type Verdict = 'pass' | 'fail' | 'unknown' | 'skipped'

export interface CheckResult {
  id: CheckId
  /** What was looked at: a VIP, a NIC, or both. */
  subject: string
  verdict: Verdict
  /** What was seen, with the values. */
  evidence: string
  /** The next thing to do; empty for a pass. */
  hint: string
}

/** Runs one check against an observation of the host; changes nothing. No result: it has nothing to look at here. */
export type Check = (
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
) => CheckResult[] | Promise<CheckResult[]>

/** By the ids; results of one check keep their order. */
export function inOrder(results: readonly CheckResult[]): CheckResult[] {
  return results.toSorted((left, right) => CHECK_IDS.indexOf(left.id) - CHECK_IDS.indexOf(right.id))
}

export function overallVerdict(results: readonly CheckResult[]): 'pass' | 'fail' | 'unknown' {
  if (results.some(result => result.verdict === 'fail')) return 'fail'
  if (results.some(result => result.verdict === 'unknown')) return 'unknown'
  return results.some(result => result.verdict === 'pass') ? 'pass' : 'unknown'
}
