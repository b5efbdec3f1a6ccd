import { destinationText, serviceText } from '../model/ipvs.ts'
import type { WantedDirector, WantedPool } from './desired.ts'
import type { RunEvent } from './run-events.ts'

/** One at the start of each slow start and one at its end, none for the steps. */
export function slowStartEvents(before: WantedDirector, after: WantedDirector): RunEvent[] {
  const earlier = new Map(before.pools.map(pool => [serviceText(pool.service.key), startsByName(pool)]))
  return after.pools.flatMap(pool => {
    const service = serviceText(pool.service.key)
    const were = earlier.get(service)
    const are = startsByName(pool)
    return pool.candidates.flatMap(({ destination }, index): RunEvent[] => {
      const name = destinationText(destination)
      const start = are.get(name)
      if (start !== undefined)
        return were?.has(name) === true ? [] : [event(name, service, begun(start, pool))]
      // Of one that is out again it is told why.
      return were?.has(name) === true && pool.parts[index] === 'serving'
        ? [event(name, service, `the slow start is over: weight ${destination.weight}`)]
        : []
    })
  })
}

/** A real server in its slow start. */
export interface SlowStart {
  /** By `destinationText`. */
  realServer: string
  /** Now. */
  weight: number
  /** At the end. */
  of: number
}

/** Those that have less than their own weight for that reason. */
export function startsOf({ candidates, parts, destinations }: WantedPool): SlowStart[] {
  const weights = new Map(destinations.map(destination => [destinationText(destination), destination.weight]))
  return candidates.flatMap(({ destination }, index) => {
    const realServer = destinationText(destination)
    const { weight: of } = destination
    const weight = weights.get(realServer) ?? of
    return parts[index] === 'serving' && weight < of ? [{ realServer, weight, of }] : []
  })
}

function startsByName(pool: WantedPool): Map<string, SlowStart> {
  return new Map(startsOf(pool).map(start => [start.realServer, start]))
}

function begun({ weight, of }: SlowStart, { slowStartMs }: WantedPool): string {
  return `slow start of ${(slowStartMs ?? 0) / 1000} s: weight ${weight} of ${of}`
}

function event(realServer: string, service: string, message: string): RunEvent {
  return { level: 'info', subject: `${realServer} of ${service}`, message }
}
