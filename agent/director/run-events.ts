import { destinationText, serviceText } from '../model/ipvs.ts'
import type { Part } from './availability.ts'
import type { WantedDirector, WantedPool } from './desired.ts'
import type { Standing, Standings } from './rotation-report.ts'

/** Something that happened to a director that runs, for a log. */
export interface RunEvent {
  /** `warning`: somebody should look. */
  level: 'info' | 'warning'
  /** The service or real server that it happened to; empty for the run itself. */
  subject: string
  message: string
}

/** What changed for clients, and why. */
export function rotationEvents(
  before: WantedDirector,
  after: WantedDirector,
  standings: Standings,
): RunEvent[] {
  const earlier = new Map(before.pools.map(pool => [serviceText(pool.service.key), pool]))
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

function fallbackEvent(subject: string, { usesFallback, parts }: WantedPool): RunEvent {
  if (usesFallback)
    return { level: 'warning', subject, message: 'no real server is left: the fallback serves' }
  const why = parts.includes('serving') ? 'a real server is back' : 'it is configured no more'
  return { level: 'info', subject, message: `${why}: the fallback rests` }
}

/** What was told of checks that change nothing in the table. */
export interface ChecksTold {
  /** Why some cannot be made. */
  unasked: ReadonlySet<string>
  /** What was said though they passed, by `destinationText`. */
  notes: ReadonlyMap<string, string>
}

export const NOTHING_TOLD: ChecksTold = { unasked: new Set(), notes: new Map() }

/** What is to be told of checks now, beyond what they change in the table. */
export function checkEvents(
  before: ChecksTold,
  standings: Standings,
): { told: ChecksTold; events: RunEvent[] } {
  const told = { unasked: unaskedIn(standings), notes: notesIn(standings) }
  const events = [...unaskedEvents(before.unasked, told.unasked), ...noteEvents(before.notes, told.notes)]
  return { told, events }
}

function unaskedIn(standings: Standings): Set<string> {
  const all = Object.values(standings).flatMap(ofService => Object.values(ofService))
  return new Set(all.map(({ unasked }) => unasked).filter(why => why !== ''))
}

/** What is the matter with this host itself, once for each reason; the status says which real servers it concerns. */
function unaskedEvents(before: ReadonlySet<string>, now: ReadonlySet<string>): RunEvent[] {
  const events = [...now]
    .filter(why => !before.has(why))
    .map((why): RunEvent => {
      const message = `real servers stay unchecked, and in or out as before: ${why}`
      return { level: 'warning', subject: '', message }
    })
  if (before.size > 0 && now.size === 0)
    events.push({ level: 'info', subject: '', message: 'all real servers can be checked again' })
  return events
}

function notesIn(standings: Standings): Map<string, string> {
  const all = Object.values(standings).flatMap(ofService => Object.entries(ofService))
  return new Map(all.filter(([, { note }]) => note !== '').map(([name, { note }]) => [name, note]))
}

/** Once for each real server and note, however many services it has. */
function noteEvents(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): RunEvent[] {
  return [...now]
    .filter(([name, note]) => before.get(name) !== note)
    .map(([subject, note]) => ({ level: 'warning', subject, message: `it passes, but ${note}` }))
}
