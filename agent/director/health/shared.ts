/** A thing that many checks use: opened when the first of them needs it, closed behind the last. */
export class Shared<Thing extends { close(): void }> {
  readonly #open: (key: string) => Thing
  readonly #places = new Map<string, { thing: Thing | null; users: number }>()

  constructor(open: (key: string) => Thing) {
    this.#open = open
  }

  join(key: string): Membership<Thing> {
    const place = this.#places.get(key) ?? { thing: null, users: 0 }
    this.#places.set(key, place)
    place.users++
    return {
      get: () => {
        place.thing ??= this.#open(key)
        return place.thing
      },
      discard: broken => {
        if (place.thing !== broken) return
        place.thing = null
        broken.close()
      },
      leave: () => {
        place.users--
        if (place.users > 0) return
        this.#places.delete(key)
        place.thing?.close()
      },
    }
  }
}

export interface Membership<Thing> {
  /** Throws what opening it throws; the next call tries again. */
  get(): Thing
  /** Closes what does not work any more; the next call opens another. */
  discard(broken: Thing): void
  /** Once. */
  leave(): void
}
