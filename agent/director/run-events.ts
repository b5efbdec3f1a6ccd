import { destinationText, serviceText } from '../model/ipvs.ts'
import type { Part } from './availability.ts'
import type { WantedDirector, WantedPool } from './desired.ts'
import type { Standing, Standings } from './rotation.ts'

/** Something that happened to a director that runs, for a log. */
export interface RunEvent {
  /** `warning`: somebody should look. */
  level: 'info' | 'warning'
  /** The service or real server that it happened to; empty for the run itself. */
  subject: string
  message: string
}

/** What changed for clients, and why. Without a `before`: who does not serve. */
export function rotationEvents(
  before: WantedDirector | null,
  after: WantedDirector,
  standings: Standings,
): RunEvent[] {
  const earlier = new Map(before?.pools.map(pool => [serviceText(pool.service.key), pool]))
  return after.pools.flatMap(pool => {
    const service = serviceText(pool.service.key)
    const was = earlier.get(service)
    return [
      ...partEvents(service, was, pool, standings[service] ?? {}),
      ...((was?.usesFallback ?? false) === pool.usesFallback ? [] : [fallbackEvent(service, pool)]),
    ]
  })
}

function partEvents(
  service: string,
  was: WantedPool | undefined,
  { candidates, parts }: WantedPool,
  standings: Record<string, Standing>,
): RunEvent[] {
  const earlier = new Map(
    was?.candidates.map(({ destination }, index) => [destinationText(destination), was.parts[index]]),
  )
  return candidates.flatMap(({ destination }, index) => {
    const name = destinationText(destination)
    const part = parts[index] ?? 'serving'
    if ((earlier.get(name) ?? 'serving') === part) return []
    return [
      { ...PART_EVENTS[part](standings[name]?.why || 'not checked yet'), subject: `${name} of ${service}` },
    ]
  })
}

const PART_EVENTS: Record<Part, (why: string) => Omit<RunEvent, 'subject'>> = {
  serving: () => ({ level: 'info', message: 'in rotation' }),
  out: why => ({ level: 'warning', message: `out of rotation: ${why}` }),
  kept: why => ({ level: 'warning', message: `down, and kept in rotation by minimumAvailable: ${why}` }),
  drained: () => ({ level: 'info', message: 'drained by hand' }),
}

function fallbackEvent(subject: string, { usesFallback }: WantedPool): RunEvent {
  return usesFallback
    ? { level: 'warning', subject, message: 'no real server is left: the fallback serves' }
    : { level: 'info', subject, message: 'a real server is back: the fallback rests' }
}
