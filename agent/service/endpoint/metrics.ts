import { CONTENT_TYPE, expose } from './exposition.ts'
import { counter, type Family, gauge, single } from './family.ts'
import { poolFamilies } from './pool-metrics.ts'
import { realServerFamilies } from './real-server-metrics.ts'
import type { ProcessView, ServiceView } from './view.ts'

export const METRICS_TYPE = CONTENT_TYPE

/** All that this host tells Prometheus. Names and units as its guide wants them: base units, `_total` for counters. */
export function metricsText(view: ServiceView): Promise<string> {
  const { version, realServer, director, process } = view
  const now = Date.parse(view.at)
  return expose([
    ...(realServer === null ? [] : realServerFamilies(realServer, now)),
    ...(director === null ? [] : poolFamilies(director)),
    refusedConfigs(view),
    gauge('rs_agent_build_info', 'The rs-agent that tells this.', [{ labels: { version }, value: 1 }]),
    ...processFamilies(process),
  ])
}

function refusedConfigs({ realServer, director }: ServiceView): Family {
  const refusedByRole = {
    'real server': realServer?.config.refused,
    director: director?.run?.refusedConfig,
  }
  const help = 'Whether the configuration file was refused, and the one of before is in use.'
  return gauge(
    'rs_agent_config_refused',
    help,
    Object.entries(refusedByRole).flatMap(([role, refused]) =>
      refused === undefined ? [] : [{ labels: { role }, value: Number(refused !== null) }],
    ),
  )
}

/** By the names that every client library gives them. */
function processFamilies({ startedAt, residentBytes, cpuSeconds }: ProcessView): Family[] {
  return [
    counter('process_cpu_seconds_total', 'Time of user and system spent, in seconds.', single(cpuSeconds)),
    gauge('process_resident_memory_bytes', 'Resident memory, in bytes.', single(residentBytes)),
    gauge(
      'process_start_time_seconds',
      'When the process began, in seconds since the epoch.',
      single(Date.parse(startedAt) / 1000),
    ),
  ]
}
