/** How a real server that comes back gets its weight: in steps, so that it is not flooded while its caches are cold. */

/** What it starts with, of its own weight; a weight of 10 or more has whole numbers for all steps. */
const FIRST_SHARE = 0.1
/** From the first share to the whole weight; fewer where they would come more than once a second. */
const MOST_STEPS = 9
const STEP_MS = 1_000

/** A real server that serves. */
export interface Starter {
  /** Its own, when it has been in rotation for long. */
  weight: number
  /** How long it has been in rotation, ms; null: for longer than anybody asks. */
  forMs: number | null
}

/**
 * The weights of all that serve in one service, in their order. Shares count among each other: who is furthest has its
 * whole weight. So one that returns where nobody else serves, or all that return together, take what there is to take,
 * in the ratio of their weights; and one that returns a little later stands back no more than it is colder.
 */
export function slowStartWeights(serving: readonly Starter[], slowStartMs: number | null): number[] {
  if (slowStartMs === null) return serving.map(({ weight }) => weight)
  const shares = serving.map(({ weight, forMs }) => (weight === 0 ? 0 : shareAfter(forMs, slowStartMs)))
  const furthest = shares.reduce((most, share) => Math.max(most, share), 0)
  // Never 0, which would keep new connections away.
  return serving.map(({ weight }, index) =>
    weight === 0 ? 0 : Math.max(1, Math.round((weight * (shares[index] ?? 1)) / furthest)),
  )
}

/** Until the next step of one that started `forMs` ago; null when none is left. */
export function untilNextStep(forMs: number, slowStartMs: number): number | null {
  const done = stepsAfter(forMs, slowStartMs)
  const steps = stepsOf(slowStartMs)
  return done >= steps ? null : ((done + 1) * slowStartMs) / steps - forMs
}

function shareAfter(forMs: number | null, slowStartMs: number): number {
  if (forMs === null) return 1
  return FIRST_SHARE + ((1 - FIRST_SHARE) * stepsAfter(forMs, slowStartMs)) / stepsOf(slowStartMs)
}

function stepsAfter(forMs: number, slowStartMs: number): number {
  const steps = stepsOf(slowStartMs)
  return Math.min(steps, Math.floor((Math.max(forMs, 0) * steps) / slowStartMs))
}

function stepsOf(slowStartMs: number): number {
  return Math.max(1, Math.min(MOST_STEPS, Math.floor(slowStartMs / STEP_MS)))
}
