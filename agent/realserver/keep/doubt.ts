/** A look takes milliseconds, and another rs-agent seconds: beyond that somebody should hear of it. */
const LONG_MS = 10_000
const LOOKING = 'a look at this host does not end'

/** Why it is said that nothing is put right, when another one does not give way. */
export const WAITING = 'another rs-agent is at work, and does not end: nothing is put right meanwhile'

/** Whether it is known that this host is as wanted, and if not since when. */
export class Doubt {
  /** Null when it is known. */
  #open: { sinceMs: number; why: string | null } | null = null
  /** Another rs-agent is at work. */
  #waitsForLock = false

  /** A look at the host is wanted, and waits for its turn. */
  begin(): void {
    this.#open ??= { sinceMs: performance.now(), why: null }
    this.#waitsForLock = true
  }

  /** It has its turn. */
  takeTurn(): void {
    this.#waitsForLock = false
  }

  end(): void {
    this.#open = null
    this.#waitsForLock = false
  }

  /** The look failed. */
  fail(why: string): void {
    this.#open = { sinceMs: performance.now(), why }
    this.#waitsForLock = false
  }

  get isOpen(): boolean {
    return this.#open !== null
  }

  get waitsForLock(): boolean {
    return this.#waitsForLock
  }

  /** Why nobody knows whether this host is as wanted; null when it is, and for the moment that a look takes. */
  get why(): string | null {
    if (this.#open === null) return null
    const { sinceMs, why } = this.#open
    if (why !== null || performance.now() - sinceMs < LONG_MS) return why
    return this.#waitsForLock ? WAITING : LOOKING
  }
}
