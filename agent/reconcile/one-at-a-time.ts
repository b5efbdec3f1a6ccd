/** Pieces of work, each after the ones before it. */
export class OneAtATime {
  readonly #onFailure: (error: unknown) => void
  #last: Promise<void> = Promise.resolve()
  readonly #waiting = new Set<string>()

  /** `onFailure` hears why a piece failed that nobody waits for. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Rejects as the work does. */
  run(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  soon(work: () => Promise<void>): void {
    this.#last = this.run(work).catch(this.#onFailure)
  }

  /** Once for all that ask for it before it begins: a hundred real servers that fail together are one change. */
  onceSoon(name: string, work: () => Promise<void>): void {
    if (this.#waiting.has(name)) return
    this.#waiting.add(name)
    this.soon(() => {
      this.#waiting.delete(name)
      return work()
    })
  }

  /** Until all that was asked for so far is done. */
  async idle(): Promise<void> {
    await this.#last
  }
}
