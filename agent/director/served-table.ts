import type { Config } from '../config/load.ts'
import { AgentError, messageOf } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Ipvs } from '../host/ipvs.ts'
import { withLockInTurn } from '../host/lock.ts'
import { withoutIpvs } from '../host/without-ipvs.ts'
import { convergeDirector } from './converge.ts'
import type { WantedDirector } from './desired.ts'
import { destinationEdits } from './health/edits.ts'

interface ServedTableOptions {
  signal: AbortSignal
  /** Hears that it holds something else, before another rs-agent may look: what is written down of it must fit. */
  onServed(): void
}

/** The kernel's table as `director run` keeps it: what it left there, and the ways to bring it to something else. */
export class ServedTable {
  readonly #host: Host
  readonly #options: ServedTableOptions
  #served: WantedDirector
  /** Of the table as we left it; empty when it must be looked at. */
  #glance = ''

  constructor(host: Host, served: WantedDirector, options: ServedTableOptions) {
    this.#host = host
    this.#served = served
    this.#options = options
  }

  /** What it holds by our last work. */
  get served(): WantedDirector {
    return this.#served
  }

  /**
   * Changes the real servers that differ, and nothing else; all of the director's state when the kernel refuses,
   * because then somebody else changed the table. What is worth telling.
   */
  async serve(config: Config, wanted: WantedDirector): Promise<string[]> {
    const edits = destinationEdits(this.#served.pools, wanted.pools)
    let isOurs = true
    try {
      if (edits.length === 0) this.#note(wanted)
      else
        await this.#alone(async () => {
          const ipvs = await this.#ipvs()
          isOurs = (await ipvs.glance()) === this.#glance
          await ipvs.edit(edits)
          // What somebody else changed meanwhile is still to be looked at.
          this.#glance = isOurs ? await ipvs.glance() : ''
          this.#note(wanted)
        })
    } catch (error) {
      const { notes } = await this.converge(config, wanted)
      return isOurs ? [messageOf(error), ...notes] : notes
    }
    return []
  }

  /** All of the director's state, as `director apply` makes it: whether it was not so, and what is worth telling. */
  converge(config: Config, wanted: WantedDirector): Promise<{ wasChanged: boolean; notes: string[] }> {
    return this.#alone(async () => {
      const watching = { signal: this.#options.signal, onProgress: () => undefined }
      const { steps, notes } = await convergeDirector(this.#host, config, wanted, watching)
      this.#glance = await (await this.#ipvs()).glance()
      this.#note(wanted)
      return { wasChanged: steps.length > 0, notes }
    })
  }

  /** Whether somebody else changed it since. */
  async isChanged(): Promise<boolean> {
    try {
      return (await (await this.#ipvs()).glance()) !== this.#glance
    } catch (error) {
      // The module was unloaded, and the table went with it: to converge loads it again.
      if (error instanceof AgentError && error.code === 'unsupported') return true
      throw error
    }
  }

  /** Something failed: nobody knows what it holds until it is looked at. */
  doubt(): void {
    this.#glance = ''
  }

  #note(wanted: WantedDirector): void {
    this.#served = wanted
    this.#options.onServed()
  }

  async #ipvs(): Promise<Ipvs> {
    const ipvs = await this.#host.ipvs()
    if (ipvs === null) throw withoutIpvs()
    return ipvs
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return withLockInTurn(this.#host.files.root, work, this.#options.signal)
  }
}
