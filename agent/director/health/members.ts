import type { DirectorCheckConfig } from '../../config/check.ts'
import type { ServiceConfig } from '../../config/director.ts'
import {
  type Destination,
  destinationText,
  type FoundPool,
  type ServiceKey,
  serviceText,
} from '../../model/ipvs.ts'
import type { Health } from '../availability.ts'
import type { WantedDirector } from '../desired.ts'
import type { RotationReport, Standing, Standings } from '../rotation-report.ts'
import { openCheck } from './check.ts'
import { type Known, UNPROVEN } from './judgement.ts'
import { type Pace, type Watch, type Watched, watchKey } from './watch.ts'

/** A real server of one service, and the checks that it must pass. */
export interface CheckedMember {
  /** By `serviceText`. */
  service: string
  /** By `destinationText`. */
  realServer: string
  checks: Watched[]
}

/** Of those that have checks, of their own or of their service. */
export function checkedMembers(
  services: readonly ServiceConfig[],
  { pools, nic }: WantedDirector,
  first: (service: string, destination: Destination) => Known,
): CheckedMember[] {
  return services.flatMap(({ check, realServers, vips }, index) => {
    const pool = pools[index]
    if (pool === undefined) return []
    const { key } = pool.service
    const service = serviceText(key)
    return pool.candidates.flatMap(({ destination }, number): CheckedMember[] => {
      const configs = realServers[number]?.check ?? check ?? []
      if (configs.length === 0) return []
      const target = { ...destinationOf(destination), ...clientSide(key, vips?.[0]), nic }
      const checks = configs.map(config => ({
        check: openCheck(config, target),
        pace: paceOf(config),
        first: first(service, destination),
      }))
      return [{ service, realServer: destinationText(destination), checks }]
    })
  })
}

/**
 * What is known of a real server before its first check: what the kernel's table does with it now goes on, so that a
 * restart neither leaves a gap nor lets one in that had failed. One that served only because too few others did
 * (`kept`) had failed too. Since when, and why, is as it was last reported.
 */
export function adopt(table: readonly FoundPool[], last: RotationReport | null) {
  const byService = new Map(table.map(pool => [serviceText(pool.service.key), pool]))
  return (service: string, { address, port, weight }: Destination): Known => {
    const before = last?.services[service]?.realServers[destinationText({ address, port })]
    const now = byService
      .get(service)
      ?.destinations.find(found => found.address === address && found.port === port)
    if (before?.part === 'kept') return known('down', before)
    if (before?.part === 'drained') return known(before.health, before)
    if (now === undefined) return before?.health === 'down' ? known('down', before) : UNPROVEN
    if (now.weight > 0) return known('up', before)
    return weight > 0 ? known('down', before) : UNPROVEN
  }
}

function known(health: Health, before: Standing | undefined): Known {
  if (before?.health !== health) return { health, sinceMs: null, why: '' }
  return { health, sinceMs: before.sinceMs, why: health === 'down' ? before.why : '' }
}

/** What is known of all of them now. */
export function standingsOf(members: readonly CheckedMember[], watch: Watch): Standings {
  const standings: Standings = {}
  for (const member of members) {
    standings[member.service] ??= {}
    Object.assign(standings[member.service] ?? {}, { [member.realServer]: standingOf(member, watch) })
  }
  return standings
}

/** What all checks of a real server say together: each must pass. */
function standingOf({ checks }: CheckedMember, watch: Watch): Standing {
  const judgements = checks
    .map(each => watch.judgementOf(watchKey(each)))
    .filter(judgement => judgement !== null)
    .toSorted((left, right) => HEALTH_ORDER.indexOf(left.health) - HEALTH_ORDER.indexOf(right.health))
  const [worst] = judgements
  const { health = 'up', sinceMs = 0, latencyMs = null } = worst ?? {}
  // One that is up may have begun to fail.
  const why = judgements.find(judgement => judgement.why !== '')?.why ?? ''
  const unasked = judgements.find(judgement => judgement.unasked !== '')?.unasked ?? ''
  const note = judgements.find(judgement => judgement.note !== '')?.note ?? ''
  return { health, sinceMs, why, unasked, note, latencyMs }
}

const HEALTH_ORDER: readonly Health[] = ['down', 'unproven', 'up']

function paceOf({ interval, retryInterval, timeout, rise, fall, jitter }: DirectorCheckConfig): Pace {
  return { intervalMs: interval, retryMs: retryInterval, timeoutMs: timeout, rise, fall, jitter }
}

function destinationOf({ address, port }: Destination): Pick<Destination, 'address' | 'port'> {
  return { address, port }
}

/** A firewall mark does not tell what clients use; its VIPs may be configured. */
function clientSide(key: ServiceKey, vip: NonNullable<ServiceConfig['vips']>[number] | undefined) {
  return key.kind === 'address'
    ? { vip: key.address, protocol: key.protocol }
    : { vip: vip ?? null, protocol: 'tcp' as const }
}
