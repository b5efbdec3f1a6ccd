import { keyOf } from '../../reconcile/setting.ts'
import type { Step } from '../../reconcile/step.ts'
import type { Repair } from './report.ts'
import { subjectOf } from './words.ts'

/** How often one setting is put right within WINDOW_MS before something is taken to undo it on purpose, and told. */
const PATIENCE = 5
/** And before it is left alone for a while: nobody is helped by two programs that keep a processor busy. */
const LONG_PATIENCE = 50
const WINDOW_MS = 10_000
/** How long it is left alone, doubled each time that it goes on, ... */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** ... until it was left alone by the others for this long. */
const CALM_MS = 60_000

/** A moment: by the clock on the wall for people, and by one that never jumps (performance.now) for reckoning. */
export interface Moment {
  at: Date
  ms: number
}

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

  /** Counts a repair. Says what somebody should hear of it beyond the repair itself. */
  note(step: Step, tookMs: number, now: Moment): 'nothing' | 'it is fought over' | 'it is left alone' {
    const key = keyOf(step.change)
    const entry = this.#entries.get(key) ?? newEntry(step, now)
    this.#entries.set(key, entry)
    const { repair } = entry
    repair.count++
    repair.lastAt = now.at.toISOString()
    repair.tookMs = tookMs
    const previous = entry.latest.at(-1)
    if (previous !== undefined && now.ms - previous > CALM_MS) entry.pauseMs = 0
    entry.latest = [...entry.latest.filter(ms => now.ms - ms < WINDOW_MS), now.ms]
    if (entry.latest.length < LONG_PATIENCE && entry.pauseMs === 0)
      return entry.latest.length === PATIENCE ? 'it is fought over' : 'nothing'
    entry.pauseMs = Math.min(entry.pauseMs === 0 ? FIRST_PAUSE_MS : 2 * entry.pauseMs, LONGEST_PAUSE_MS)
    entry.heldBackUntilMs = now.ms + entry.pauseMs
    repair.heldBackUntil = new Date(now.at.getTime() + entry.pauseMs).toISOString()
    return 'it is left alone'
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
