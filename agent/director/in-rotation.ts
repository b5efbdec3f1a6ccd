import { destinationText, type FoundPool, serviceText } from '../model/ipvs.ts'
import type { WantedDirector, WantedPool } from './desired.ts'
import type { TimesInRotation } from './rotation.ts'
import type { RotationReport } from './rotation-report.ts'
import { untilNextStep } from './slow-start.ts'
import { startsOf } from './slow-start-events.ts'

/**
 * Since when each real server is in rotation, as long as the run lives. A clock of its own, not the one on the wall:
 * that one jumps.
 */
export class RotationTimes {
  readonly #now: () => number
  /** By `serviceText` and `destinationText`; -Infinity: nobody knows since when, so for long. */
  #since: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map()
  #nextStepAt = Number.POSITIVE_INFINITY

  /** `now` gives milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * At the start: who serves by the kernel's table has been there for long. One that a run of before left in its slow
   * start goes on from the weight that it has: a jump to the whole weight is what a slow start is there to spare it.
   */
  adopt(table: readonly FoundPool[], last: RotationReport | null, { pools }: Pick<WantedDirector, 'pools'>) {
    const found = new Map(
      table.map(({ service, destinations }) => [
        serviceText(service.key),
        new Map(destinations.map(destination => [destinationText(destination), destination.weight])),
      ]),
    )
    // Where all have their whole weights, an apply without a run has made an end of it.
    const underWay = new Set(
      pools.flatMap(({ service: { key }, candidates }) => {
        const service = serviceText(key)
        const isSlow = ({ destination }: Candidate): boolean => {
          const name = destinationText(destination)
          const weight = found.get(service)?.get(name) ?? 0
          return weight > 0 && weight < destination.weight && last?.inRotation[service]?.[name] !== undefined
        }
        return candidates.some(isSlow) ? [service] : []
      }),
    )
    const now = this.#now()
    this.#since = sinceOf(pools, (service, name) => {
      if ((found.get(service)?.get(name) ?? 0) === 0) return null
      const forMs = underWay.has(service) ? last?.inRotation[service]?.[name]?.forMs : null
      return typeof forMs === 'number' ? now - forMs : Number.NEGATIVE_INFINITY
    })
  }

  /** What weights are to be worked out with. */
  times(): TimesInRotation {
    const now = this.#now()
    return Object.fromEntries(
      [...this.#since].map(([service, since]) => [
        service,
        Object.fromEntries([...since].map(([name, sinceMs]) => [name, { forMs: finite(now - sinceMs) }])),
      ]),
    )
  }

  /** Once the table is as wanted: who is new in rotation has been there since now. */
  note({ pools }: Pick<WantedDirector, 'pools'>): void {
    const now = this.#now()
    const before = this.#since
    this.#since = sinceOf(pools, (service, name, candidate, part) =>
      candidate.destination.weight > 0 && (part === 'serving' || part === 'kept')
        ? (before.get(service)?.get(name) ?? now)
        : null,
    )
    this.#nextStepAt = pools.reduce(
      (soonest, pool) => Math.min(soonest, this.#nextStepOf(pool, now)),
      Infinity,
    )
  }

  /** Whether somebody's weight is to grow. */
  get isStepDue(): boolean {
    return this.#now() >= this.#nextStepAt
  }

  /** Of services with a slow start, for other commands: they work out the same weights with it. */
  report(pools: readonly WantedPool[]): RotationReport['inRotation'] {
    const slow = pools.filter(({ slowStartMs }) => slowStartMs !== null)
    return Object.fromEntries(
      slow.map(pool => {
        const name = serviceText(pool.service.key)
        const since = this.#since.get(name) ?? new Map<string, number>()
        const starts = new Map(startsOf(pool).map(start => [start.realServer, start]))
        const entries = pool.candidates.flatMap(({ destination, forMs }) => {
          const realServer = destinationText(destination)
          const sinceMs = since.get(realServer)
          if (sinceMs === undefined) return []
          const { weight, of } = starts.get(realServer) ?? {}
          const leftMs = sinceMs + (pool.slowStartMs ?? 0) - this.#now()
          const endsAt = new Date(Date.now() + Math.max(leftMs, 0)).toISOString()
          const slowStart = weight === undefined || of === undefined ? null : { weight, of, endsAt }
          return [[realServer, { forMs, slowStart }] as const]
        })
        return [name, Object.fromEntries(entries)]
      }),
    )
  }

  #nextStepOf({ service, slowStartMs }: WantedPool, now: number): number {
    if (slowStartMs === null) return Number.POSITIVE_INFINITY
    const all = [...(this.#since.get(serviceText(service.key))?.values() ?? [])]
    const untilNext = all.map(sinceMs => untilNextStep(now - sinceMs, slowStartMs))
    return now + Math.min(...untilNext.filter(leftMs => leftMs !== null))
  }
}

type Candidate = WantedPool['candidates'][number]
type Part = WantedPool['parts'][number] | undefined

function sinceOf(
  pools: readonly WantedPool[],
  since: (service: string, name: string, candidate: Candidate, part: Part) => number | null,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  return new Map(
    pools.map(({ service: { key }, candidates, parts }) => {
      const service = serviceText(key)
      const entries = candidates.flatMap((candidate, index) => {
        const name = destinationText(candidate.destination)
        const sinceMs = since(service, name, candidate, parts[index])
        return sinceMs === null ? [] : [[name, sinceMs] as const]
      })
      return [service, new Map(entries)]
    }),
  )
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
