/**
 * Asks at most once in that time, and once for all who ask at the same moment: a page in ten browsers costs no more
 * than one. What could not be found out is not remembered.
 */
export function remembered<Found>(look: () => Promise<Found>, forMs: number): () => Promise<Found> {
  let last: { found: Promise<Found>; until: number } | null = null
  return () => {
    // By a clock that nobody sets.
    if (last !== null && performance.now() < last.until) return last.found
    const found = look()
    // As long as it is under way everybody waits for the same.
    const mine = { found, until: Number.POSITIVE_INFINITY }
    last = mine
    found.then(
      () => {
        mine.until = performance.now() + forMs
      },
      () => {
        if (last === mine) last = null
      },
    )
    return found
  }
}
