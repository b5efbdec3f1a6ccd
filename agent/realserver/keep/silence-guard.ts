import type { Moment } from './repairs.ts'

/** How often this host may be made loud within WINDOW_MS before it counts as one that cannot be kept silent. */
const PATIENCE = 3
const WINDOW_MS = 10_000
/** How long it must have stayed silent before it is trusted again. */
const CALM_MS = 30_000

/**
 * Whether this host can be kept silent. One repair a time is enough as long as it lasts; a host that somebody makes loud
 * again and again, or that cannot be silenced, answers ARP for its VIPs between two repairs, for milliseconds that are
 * enough to steal the site.
 */
export class SilenceGuard {
  #loudAtMs: number[] = []
  #lost: { why: string; atMs: number } | null = null

  /** Why it cannot be kept silent; null when it can. */
  get lostBecause(): string | null {
    return this.#lost?.why ?? null
  }

  /** It was loud, and is silent again. Whether that has been once too often just now. */
  noteRepaired(what: string, { ms }: Pick<Moment, 'ms'>): boolean {
    this.#loudAtMs = [...this.#loudAtMs.filter(atMs => ms - atMs < WINDOW_MS), ms]
    if (this.#lost !== null) this.#lost.atMs = ms
    if (this.#loudAtMs.length < PATIENCE) return false
    return this.#lose(`${what}, ${this.#loudAtMs.length} times within ${WINDOW_MS / 1000} s`, ms)
  }

  /** It is loud, and stays so. Whether that is new. */
  noteLoud(what: string, { ms }: Pick<Moment, 'ms'>): boolean {
    return this.#lose(what, ms)
  }

  /** Whether trust has come back just now. */
  noteSilent({ ms }: Pick<Moment, 'ms'>): boolean {
    if (this.#lost === null || ms - this.#lost.atMs < CALM_MS) return false
    this.#lost = null
    this.#loudAtMs = []
    return true
  }

  #lose(why: string, atMs: number): boolean {
    const isNew = this.#lost === null
    this.#lost = { why, atMs }
    return isNew
  }
}
