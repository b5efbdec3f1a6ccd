import type { Destination } from '../model/ipvs.ts'
import { slowStartWeights } from './slow-start.ts'

/** How a real server stands in one service: `unproven` is new, and no check of it has ended yet. */
export type Health = 'up' | 'down' | 'unproven'

/** A real server of one service, as it was configured, and what is known of it. */
export interface Candidate {
  destination: Destination
  health: Health
  /** When that began; milliseconds of any clock that all candidates share. */
  sinceMs: number
  /** Taken out of rotation by hand. */
  drained: boolean
  /** How long it has been in rotation, ms: 0 when it comes in now; null: for longer than anybody asks. */
  forMs: number | null
}

export interface AvailabilityPolicy {
  /** What becomes of a real server that is down: it stays with weight 0, or goes. */
  onFailure: 'quiesce' | 'remove'
  /** Serves when no real server is left. */
  fallback: Destination | null
  /** The share of the real servers that checks never take out, 0 to 100. A share of 1 is not exact: 100 x 0.07 > 7. */
  minimumPercent: number
  /** How long one that comes into rotation takes to get its whole weight; null: it has it at once. */
  slowStartMs: number | null
}

/** What a candidate does: `kept` is down, and serves all the same because too few others do. */
export type Part = 'serving' | 'kept' | 'out' | 'drained'

export interface Availability {
  /** What the kernel's table shall hold, in the order of the candidates. */
  destinations: Destination[]
  /** One for each candidate. */
  parts: Part[]
  /** Whether the fallback is among the destinations. */
  usesFallback: boolean
}

/**
 * From what is known of the real servers to what the kernel shall do with them. Drained ones keep their connections,
 * whatever checks say. Those with a configured weight of 0 have none to lose. When no real server is up the fallback
 * serves; where there is none, or some are up, as many of those that are down stay as the minimum asks for: the last
 * ones to fail first, because the first ones have been useless for longer. Those have their whole weight, as before.
 */
export function availability(
  candidates: readonly Candidate[],
  { onFailure, fallback, minimumPercent, slowStartMs }: AvailabilityPolicy,
): Availability {
  const inRotation = candidates.filter(({ destination, drained }) => !drained && destination.weight > 0)
  const up = inRotation.filter(({ health }) => health === 'up')
  const usesFallback = fallback !== null && up.length === 0
  const short = usesFallback ? 0 : Math.ceil((inRotation.length * minimumPercent) / 100) - up.length
  const kept = new Set(
    inRotation
      .filter(({ health }) => health !== 'up')
      .sort(lastFailedFirst)
      .slice(0, Math.max(short, 0)),
  )
  const parts = candidates.map((candidate): Part => {
    if (candidate.drained) return 'drained'
    if (candidate.health === 'up') return 'serving'
    return kept.has(candidate) ? 'kept' : 'out'
  })
  const serving = candidates.filter((_, index) => parts[index] === 'serving')
  const starters = serving.map(({ destination: { weight }, forMs }) => ({ weight, forMs }))
  const weights = slowStartWeights(starters, slowStartMs)
  const destinations = candidates.flatMap(({ destination }, index): Destination[] => {
    switch (parts[index]) {
      case 'serving':
        return [{ ...destination, weight: weights.shift() ?? destination.weight }]
      case 'kept':
        return [destination]
      case 'drained':
        return [{ ...destination, weight: 0 }]
      default:
        return onFailure === 'quiesce' ? [{ ...destination, weight: 0 }] : []
    }
  })
  return { destinations: usesFallback ? [...destinations, fallback] : destinations, parts, usesFallback }
}

/** Who has never passed a check comes after all who have. */
function lastFailedFirst(left: Candidate, right: Candidate): number {
  if (left.health !== right.health) return left.health === 'down' ? -1 : 1
  return right.sinceMs - left.sinceMs
}
