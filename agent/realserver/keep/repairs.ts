import { keyOf } from '../../reconcile/setting.ts'
import type { Step } from '../../reconcile/step.ts'
import type { Repair } from './report.ts'
import { subjectOf } from './words.ts'

/** How often one setting is put right within WINDOW_MS before something is taken to undo it on purpose, and told. */
const PATIENCE = 5
/**
 * And before it is left alone for a while: nobody is helped by two programs that keep a processor busy. What is never
 * left alone is told of once in so many times from then on.
 */
const LONG_PATIENCE = 50
const WINDOW_MS = 10_000
/** How long it is left alone, doubled each time that it goes on, ... */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** ... until it was left alone by the others for this long. */
const CALM_MS = 60_000
/** NICs come and go under ever new names: those that were put right last are remembered. */
const KEPT = 500

/** A moment: by the clock on the wall for people, and by one that never jumps (performance.now) for reckoning. */
export interface Moment {
  at: Date
  ms: number
}

/** What somebody should hear of a repair: that it was made, that somebody fights it, or nothing new. */
export type Told = 'it is made' | 'it is fought over' | 'it is left alone' | 'it goes on'

interface Entry {
  repair: Repair
  /** Moments of the latest repairs, in milliseconds. */
  latest: number[]
  pauseMs: number
  heldBackUntilMs: number
}

/** What was put right since the run began, how often, and what is left alone because somebody keeps undoing it. */
export class Repairs {
  readonly #entries = new Map<string, Entry>()

  /** Counts a repair, and says what somebody should hear of it. */
  note(step: Step, tookMs: number, now: Moment): Told {
    const entry = this.#entryOf(step, now)
    const { repair } = entry
    repair.count++
    repair.lastAt = now.at.toISOString()
    repair.tookMs = tookMs
    const previous = entry.latest.at(-1)
    if (previous !== undefined && now.ms - previous > CALM_MS) entry.pauseMs = 0
    entry.latest = [...entry.latest.filter(ms => now.ms - ms < WINDOW_MS), now.ms].slice(-LONG_PATIENCE)
    if (entry.latest.length < LONG_PATIENCE && entry.pauseMs === 0)
      return entry.latest.length === PATIENCE ? 'it is fought over' : 'it is made'
    if (isLoud(step)) return repair.count % LONG_PATIENCE === 0 ? 'it is fought over' : 'it goes on'
    entry.pauseMs = Math.min(entry.pauseMs === 0 ? FIRST_PAUSE_MS : 2 * entry.pauseMs, LONGEST_PAUSE_MS)
    entry.heldBackUntilMs = now.ms + entry.pauseMs
    repair.heldBackUntil = new Date(now.at.getTime() + entry.pauseMs).toISOString()
    return 'it is left alone'
  }

  /** Of those that are remembered it becomes the latest. */
  #entryOf(step: Step, now: Moment): Entry {
    const key = keyOf(step.change)
    const entry = this.#entries.get(key) ?? newEntry(step, now)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > KEPT && oldest !== undefined) this.#entries.delete(oldest)
    return entry
  }

  /** Whether the setting is left alone for now. */
  isHeldBack({ change }: Pick<Step, 'change'>, { ms }: Pick<Moment, 'ms'>): boolean {
    return (this.#entries.get(keyOf(change))?.heldBackUntilMs ?? 0) > ms
  }

  /** Ends pauses that are over; whether any was. */
  endPauses({ ms }: Pick<Moment, 'ms'>): boolean {
    const over = [...this.#entries.values()].filter(
      ({ repair, heldBackUntilMs }) => repair.heldBackUntil !== null && heldBackUntilMs <= ms,
    )
    for (const { repair } of over) repair.heldBackUntil = null
    return over.length > 0
  }

  suspect({ change }: Pick<Step, 'change'>, suspects: string[]): void {
    const entry = this.#entries.get(keyOf(change))
    if (entry !== undefined) entry.repair.suspects = suspects
  }

  report(): Repair[] {
    return [...this.#entries.values()].map(({ repair }) => ({ ...repair }))
  }
}

/** Never left alone: what steals the site is worse than a busy processor. */
function isLoud({ resource, phase }: Step): boolean {
  return resource === 'arp-sysctl' || phase === 'withdraw'
}

function newEntry(step: Step, { at }: Moment): Entry {
  const firstAt = at.toISOString()
  return {
    repair: {
      subject: subjectOf(step),
      resource: step.resource,
      count: 0,
      firstAt,
      lastAt: firstAt,
      tookMs: 0,
      heldBackUntil: null,
      suspects: [],
    },
    latest: [],
    pauseMs: 0,
    heldBackUntilMs: 0,
  }
}

export function momentNow(): Moment {
  return { at: new Date(), ms: performance.now() }
}
