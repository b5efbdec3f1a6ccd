import type { KeepReport } from '../../realserver/keep/report.ts'
import type { CheckId } from '../../realserver/verify/check.ts'
import type { DirectorView } from './director-view.ts'
import type { ServiceView } from './view.ts'

/** What must be known to be right before clients are sent here: bound, silent, serving. */
const NEEDED: readonly string[] = [
  'vip-bound',
  'arp-sysctl',
  'service-answers',
  'nfs-mounted',
] satisfies CheckId[]

/**
 * A failure counts, and `unknown` does not: a spare NIC without a cable can never prove its silence, and must not take
 * a site down. Its sysctls say that it is silent, and they are needed above.
 */
const MUST_NOT_FAIL: readonly string[] = ['arp-silence'] satisfies CheckId[]

/** How many resync intervals old the last look at everything may be: two of them may come late. */
const STALE_INTERVALS = 3

/** `director run` writes its report each 5 s, and at each change. */
const STALE_ROTATION_MS = 30_000

/** Why a director should send nobody here (or, of a director, why it serves nobody), a line each; none when it may. */
export function whyNotHealthy({ at, resyncIntervalMs, realServer, director }: ServiceView): string[] {
  if (realServer === null && director === null)
    return ['nobody keeps this host a real server or a director now']
  const now = Date.parse(at)
  return [
    ...(realServer === null ? [] : whyNotServing(realServer, now, STALE_INTERVALS * resyncIntervalMs)),
    ...(director === null ? [] : whyNotDirecting(director, now)),
  ]
}

function whyNotServing(report: KeepReport, now: number, staleMs: number): string[] {
  const { drain, withdrawn, unsettled, vips, nics, checks, checkedAt } = report
  return [
    ...(drain === 'in rotation' ? [] : [`${drain}: an administrator has taken this host out of rotation`]),
    ...(withdrawn === null ? [] : [`the VIPs are withdrawn: ${withdrawn}`]),
    ...(unsettled === null ? [] : [`not known to be as wanted: ${unsettled}`]),
    ...staleness(checkedAt, now, staleMs),
    ...(vips.length === 0 ? ['no VIP is known yet'] : []),
    ...vips
      .filter(({ bound }) => !bound)
      .map(({ address, evidence }) => `VIP ${address} not bound: ${evidence}`),
    ...nics
      .filter(({ silent }) => !silent)
      .map(({ name, evidence }) => `NIC ${name} not silent: ${evidence}`),
    ...checks
      .filter(({ id, verdict }) => {
        if (NEEDED.includes(id)) return verdict === 'fail' || verdict === 'unknown'
        return MUST_NOT_FAIL.includes(id) && verdict === 'fail'
      })
      .map(({ id, subject, verdict, evidence }) => `${id} ${subject}: ${verdict}: ${evidence}`),
  ].map(inOneLine)
}

function staleness(checkedAt: string | null, now: number, staleMs: number): string[] {
  if (checkedAt === null) return ['not looked at yet: the first checks are under way']
  // Either way: after the clock was set back a look of the future says nothing.
  const ageMs = Math.abs(now - Date.parse(checkedAt))
  return ageMs <= staleMs ? [] : [`not looked at since ${checkedAt}: what was true then may not be now`]
}

function whyNotDirecting({ run, services }: DirectorView, now: number): string[] {
  const isStale = run !== null && Math.abs(now - Date.parse(run.at)) > STALE_ROTATION_MS
  return [
    ...(run === null ? ['nobody checks the real servers: no director run is alive'] : []),
    ...(isStale ? [`nothing heard of the director run since ${run.at}`] : []),
    ...services
      .filter(({ realServers }) => !realServers.some(({ table }) => (table?.weight ?? 0) > 0))
      .map(({ service }) => `nobody serves ${service}: no real server has a weight`),
  ].map(inOneLine)
}

/** One reason is one line, whatever evidence holds. */
function inOneLine(reason: string): string {
  return reason.replaceAll(/\s+/g, ' ')
}
