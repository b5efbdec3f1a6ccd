/** Lets no more than some at a time do their work; the others wait in line. */
export class Turns {
  readonly #atOnce: number
  #running = 0
  readonly #line = new Set<Work>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** Returns what takes the work out of the line, if it is still there. */
  wait(work: Work): () => void {
    this.#line.add(work)
    this.#next()
    return () => this.#line.delete(work)
  }

  #next(): void {
    for (const work of this.#line) {
      if (this.#running >= this.#atOnce) return
      this.#line.delete(work)
      this.#running++
      let isDone = false
      work(() => {
        if (isDone) return
        isDone = true
        this.#running--
        this.#next()
      })
    }
  }
}

/** Calls `done` at its end. */
export type Work = (done: () => void) => void
