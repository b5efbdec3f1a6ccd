import type { Check } from './check.ts'
import { betterKnown, firstJudgement, type Judgement, judge, type Known, type Patience } from './judgement.ts'

/** How often one check is made, and what is made of what it says. */
export interface Pace extends Patience {
  intervalMs: number
  /** Instead of the interval, while tries speak against what is known. */
  retryMs: number
  timeoutMs: number
  /** Share of the interval, 0 to 1, by which it varies, so that checks do not come in step. */
  jitter: number
}

/** One check of one real server, made again and again. */
export interface Watched {
  check: Check
  pace: Pace
  /** What is known of it at the start. */
  first: Known
}

/** Thousands of tries that would begin at once begin over this time: first ones, and those after a standstill. */
const SPREAD_MS = 1_000
/** A timer that is so late fired when this process went on: so did all others that came due meanwhile. */
const STANDSTILL_MS = 250

/**
 * Makes checks, each at its own pace, and keeps what they say. Checks that ask the same are made once, whoever asks;
 * what is known of one outlasts a change of the others.
 */
export class Watch {
  readonly #onChange: () => void
  readonly #rounds = new Map<string, Round>()

  /** `onChange` hears that a judgement has another health than before. */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /**
   * Makes these checks from now on and no others. One that is made already goes on, whatever `first` says, and its
   * new twin is closed. One that asks the same at another pace goes on from what is known.
   */
  follow(watched: readonly Watched[]): void {
    const keys = watched.map(watchKey)
    const firsts = firstsOf(watched, keys)
    const known = new Map<string, Judgement>()
    for (const [key, round] of this.#rounds)
      if (!firsts.has(key)) {
        known.set(round.asks, round.judgement)
        round.end()
        this.#rounds.delete(key)
      }
    const spreadMs = Math.min(SPREAD_MS, watched.length)
    for (const [index, each] of watched.entries()) {
      const key = keys[index] ?? ''
      if (this.#rounds.has(key)) each.check.close()
      else {
        const first = firsts.get(key) ?? each.first
        const judgement = known.get(each.check.key) ?? firstJudgement(first, Date.now())
        const delayMs = (spreadMs * index) / watched.length
        this.#rounds.set(key, new Round(each, judgement, delayMs, this.#onChange))
      }
    }
  }

  /** Null for a check that is not made. */
  judgementOf(key: string): Judgement | null {
    return this.#rounds.get(key)?.judgement ?? null
  }

  end(): void {
    for (const round of this.#rounds.values()) round.end()
    this.#rounds.clear()
  }
}

/** Checks that ask the same at the same pace are one. */
export function watchKey({ check, pace }: Pick<Watched, 'check' | 'pace'>): string {
  return `${check.key} ${JSON.stringify(pace)}`
}

/** By its key: what all that share a check know of it. */
function firstsOf(watched: readonly Watched[], keys: readonly string[]): Map<string, Known> {
  const firsts = new Map<string, Known>()
  for (const [index, { first }] of watched.entries()) {
    const key = keys[index] ?? ''
    firsts.set(key, betterKnown(firsts.get(key) ?? first, first))
  }
  return firsts
}

class Round {
  judgement: Judgement
  readonly #check: Check
  readonly #pace: Pace
  readonly #onChange: () => void
  readonly #ended = new AbortController()
  #timer: NodeJS.Timeout

  constructor(
    { check, pace }: Pick<Watched, 'check' | 'pace'>,
    judgement: Judgement,
    delayMs: number,
    onChange: () => void,
  ) {
    this.#check = check
    this.#pace = pace
    this.#onChange = onChange
    this.judgement = judgement
    this.#timer = this.#tryAfter(delayMs)
  }

  /** What it asks, at any pace. */
  get asks(): string {
    return this.#check.key
  }

  end(): void {
    this.#ended.abort()
    clearTimeout(this.#timer)
    this.#check.close()
  }

  /** Put off once where all begin together: their answers would take longer than they may, and all fail together. */
  #tryAfter(waitMs: number): NodeJS.Timeout {
    const dueMs = performance.now() + waitMs
    return setTimeout(() => {
      if (performance.now() - dueMs < STANDSTILL_MS) return void this.#try()
      const putOffMs = Math.random() * Math.min(SPREAD_MS, this.#pace.intervalMs)
      this.#timer = setTimeout(() => void this.#try(), putOffMs)
    }, waitMs)
  }

  async #try(): Promise<void> {
    const { intervalMs, retryMs, jitter } = this.#pace
    const startedMs = performance.now()
    const outcome = await this.#check.try(this.#ended.signal)
    if (this.#ended.signal.aborted) return
    const before = this.judgement
    this.judgement = judge(before, outcome, this.#pace, Date.now())
    const pauseMs = this.judgement.against > 0 ? retryMs : intervalMs
    const waitMs = pauseMs * (1 + jitter * (2 * Math.random() - 1)) - (performance.now() - startedMs)
    this.#timer = this.#tryAfter(Math.max(waitMs, 0))
    if (this.judgement.health !== before.health) this.#onChange()
  }
}
