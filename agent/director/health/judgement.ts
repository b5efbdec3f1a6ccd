import type { Health } from '../availability.ts'
import type { Outcome } from './check.ts'

/** What one check has found of one real server so far. */
export interface Judgement {
  health: Health
  /** When that began, ms since the epoch. */
  sinceMs: number
  /** Tries in a row that speak against it. */
  against: number
  /** Why the last failed try failed. */
  why: string
  /** Of the last try that was answered. */
  latencyMs: number | null
}

export interface Patience {
  /** Passed tries in a row that bring a real server back. */
  rise: number
  /** Failed tries in a row that take one out. */
  fall: number
}

/** At the start: as the kernel's table has it, or unproven. */
export function firstJudgement(health: Health, nowMs: number): Judgement {
  return { health, sinceMs: nowMs, against: 0, why: '', latencyMs: null }
}

/**
 * What is known after one more try. The first try decides on one that is unproven: no client misses what it has never
 * had, and none is sent to what has not been seen to work. A try that could not be made says nothing.
 */
export function judge(
  before: Judgement,
  outcome: Outcome,
  { rise, fall }: Patience,
  nowMs: number,
): Judgement {
  if (outcome.kind === 'unknown') return before
  const said: Health = outcome.kind === 'pass' ? 'up' : 'down'
  const why = outcome.kind === 'fail' ? outcome.why : before.why
  const told = { ...before, latencyMs: outcome.latencyMs, why }
  if (said === before.health) return { ...told, against: 0, why: said === 'up' ? '' : why }
  const against = before.against + 1
  const needed = before.health === 'unproven' ? 1 : said === 'up' ? rise : fall
  if (against < needed) return { ...told, against }
  return { ...told, health: said, sinceMs: nowMs, against: 0, why: said === 'up' ? '' : why }
}
