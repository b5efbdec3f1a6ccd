import { Neighbourhood } from './neighbourhood.ts'

/** Neighbourhoods that one task after the other has to itself; there are as many as tasks run at once. */
export class NeighbourhoodPool implements AsyncDisposable {
  readonly #idle: Neighbourhood[] = []

  /** Runs the task. Hosts that it adds are gone afterwards; `spoils` is for one that changes the others. */
  async use(
    task: (neighbourhood: Neighbourhood) => Promise<void>,
    { spoils = false }: { spoils?: boolean } = {},
  ): Promise<void> {
    const neighbourhood = this.#idle.pop() ?? (await Neighbourhood.build())
    const residents = [...neighbourhood.segment.hosts]
    let isReusable = false
    try {
      await task(neighbourhood)
      isReusable = !spoils
    } finally {
      const { segment } = neighbourhood
      const guests = segment.hosts.filter(host => !residents.includes(host))
      for (const guest of guests) await segment.removeHost(guest)
      if (isReusable) this.#idle.push(neighbourhood)
      else await neighbourhood[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#idle.map(each => each[Symbol.asyncDispose]()))
  }
}
