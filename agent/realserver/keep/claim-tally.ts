/**
 * What is told of a flood of claims: of each claimant the first one at once, the others once a second with their
 * number. Pure: the caller has the clock.
 */

export interface Tally<Claim> {
  /** `count` of them, this one the latest. */
  note(claim: Claim, count: number, nowMs: number): void
  /** What is to be told by now: of each claimant the latest claim, and how many there were since the last time. */
  take(nowMs: number): { claim: Claim; count: number }[]
  /** Milliseconds until something is to be told; null when nothing waits. */
  dueInMs(nowMs: number): number | null
}

/** Between two tellings of one claimant. */
const TELL_MS = 1_000
/** At a time; a flood may name a new MAC in each frame. All beyond are told as one, by the latest of them. */
const MAX_CLAIMANTS = 64

interface Entry<Claim> {
  claim: Claim
  /** Of those that are not told yet. */
  count: number
  tellAtMs: number
}

/** Claims with the same key are of one claimant. */
export function openTally<Claim>(keyOf: (claim: Claim) => string): Tally<Claim> {
  const entries = new Map<string, Entry<Claim>>()

  const forgetQuiet = (nowMs: number): void => {
    for (const [key, { count, tellAtMs }] of entries)
      if (count === 0 && tellAtMs <= nowMs) entries.delete(key)
  }

  return {
    note(claim, count, nowMs) {
      const own = keyOf(claim)
      if (!entries.has(own) && entries.size >= MAX_CLAIMANTS) forgetQuiet(nowMs)
      const key = entries.has(own) || entries.size < MAX_CLAIMANTS ? own : OTHERS
      const entry = entries.get(key)
      if (entry === undefined) entries.set(key, { claim, count, tellAtMs: nowMs })
      else {
        entry.claim = claim
        entry.count += count
      }
    },
    take(nowMs) {
      const due = [...entries.values()].filter(({ count, tellAtMs }) => count > 0 && tellAtMs <= nowMs)
      const told = due.map(({ claim, count }) => ({ claim, count }))
      for (const entry of due) {
        entry.count = 0
        entry.tellAtMs = nowMs + TELL_MS
      }
      forgetQuiet(nowMs)
      return told
    },
    dueInMs(nowMs) {
      const waiting = [...entries.values()].filter(({ count }) => count > 0)
      if (waiting.length === 0) return null
      return Math.max(0, Math.min(...waiting.map(({ tellAtMs }) => tellAtMs)) - nowMs)
    },
  }
}

/** No claimant's key. */
const OTHERS = ''
