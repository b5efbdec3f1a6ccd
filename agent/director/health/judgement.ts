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
  /** What the last passed try told all the same; empty when nothing. */
  note: string
  /** Of the last try that was answered. */
  latencyMs: number | null
  /** Tries in a row that could not be made, on this host's account. */
  unaskedTries: number
  /** Why, once there are as many as a failure takes; empty before. */
  unasked: string
}

export interface Patience {
  /** Passed tries in a row that bring a real server back. */
  rise: number
  /** Failed tries in a row that take one out. */
  fall: number
}

const ASKED = { unaskedTries: 0, unasked: '' }

/** What is known of a real server before the first try: by the kernel's table, and by the last report of it. */
export interface Known {
  health: Health
  /** When that began, ms since the epoch; null where no report says so. */
  sinceMs: number | null
  /** Why it is down; empty where no report says so. */
  why: string
}

export const UNPROVEN: Known = { health: 'unproven', sinceMs: null, why: '' }

export function firstJudgement({ health, sinceMs, why }: Known, nowMs: number): Judgement {
  // The clock may have been set back since.
  const began = Math.min(sinceMs ?? nowMs, nowMs)
  return { health, sinceMs: began, against: 0, why, note: '', latencyMs: null, ...ASKED }
}

/**
 * Which of two services tells more of a check that both make. Whoever serves in one of them, and did so when it was last
 * reported, passes all that is asked there: elsewhere it is out for the sake of another check.
 */
export function betterKnown(left: Known, right: Known): Known {
  return worthOf(left) >= worthOf(right) ? left : right
}

function worthOf({ health, sinceMs }: Known): number {
  switch (health) {
    case 'up':
      return sinceMs === null ? 1 : 3
    case 'down':
      return 2
    case 'unproven':
      return 0
    default:
      return health satisfies never
  }
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
  if (outcome.kind === 'unknown') {
    const unaskedTries = before.unaskedTries + 1
    return { ...before, unaskedTries, unasked: unaskedTries < fall ? before.unasked : outcome.why }
  }
  const said: Health = outcome.kind === 'pass' ? 'up' : 'down'
  const why = outcome.kind === 'fail' ? outcome.why : before.why
  const note = outcome.kind === 'pass' ? (outcome.note ?? '') : before.note
  const told = { ...before, ...ASKED, latencyMs: outcome.latencyMs, why, note }
  if (said === before.health) return { ...told, against: 0, why: said === 'up' ? '' : why }
  const against = before.against + 1
  const needed = before.health === 'unproven' ? 1 : said === 'up' ? rise : fall
  if (against < needed) return { ...told, against }
  return { ...told, health: said, sinceMs: nowMs, against: 0, why: said === 'up' ? '' : why }
}
