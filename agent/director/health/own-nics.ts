import { messageOf } from '../../errors.ts'
import { type LinkMonitor, monitorLinks } from '../../host/netlink/link-monitor.ts'
import { type Network, openNetwork } from '../../host/netlink/network.ts'
import type { IpAddress } from '../../model/address.ts'
import { isUnplugged, type Link, whyUnplugged } from '../../model/network.ts'

/** For all that fails at the same time. */
const LOOK_EVERY_MS = 500

interface NicState {
  link: Link
  /** When it was last unplugged, by performance.now(). */
  unpluggedMs: number
}

/**
 * Whether this host's own NICs could carry a question and its answer: what fails while one could not is no fault of a
 * real server.
 */
export class OwnNics {
  readonly #network: Network = openNetwork()
  readonly #states = new Map<number, NicState>()
  readonly #known: Promise<void>
  #monitor: LinkMonitor | null = null
  #look: Promise<void> = Promise.resolve()
  #lookedMs = Number.NEGATIVE_INFINITY
  #whyDeaf: string | null = null

  constructor() {
    this.#known = this.#begin().catch(error => this.#stop(error))
  }

  /** Nothing is known any more, or ever was: no descriptor was left, or a message was lost. */
  get isDeaf(): boolean {
    return this.#whyDeaf !== null
  }

  /**
   * Why something that was asked of the address since then, by performance.now(), may not have gone out or come back:
   * by the NIC of its route, or by `nic`, where it belongs. Null when both were there all the time.
   */
  async whyCut(address: IpAddress, nic: string, sinceMs: number): Promise<string | null> {
    await this.#known
    if (this.#whyDeaf !== null) return `whether ${nic} was there is not known: ${this.#whyDeaf}`
    const answer = await this.#network.lookUpRoute({ destination: address }).catch(() => null)
    const names = [nic, answer?.kind === 'route' ? answer.link : null]
    const why = (): string | null => {
      const states = [...this.#states.values()].filter(({ link }) => names.includes(link.name))
      return states.map(state => whyItWasCut(state, sinceMs)).find(reason => reason !== null) ?? null
    }
    if (why() === null) return null
    // Where that fails, what is known so far stands: a real server is not blamed for what nobody can see.
    await this.#lookAgain().catch(() => undefined)
    return why()
  }

  close(): void {
    this.#monitor?.close()
    this.#network.close()
  }

  /** The kernel may have had no room for the message that a NIC is back: it would excuse every failure for ever. */
  #lookAgain(): Promise<void> {
    const now = performance.now()
    if (now - this.#lookedMs < LOOK_EVERY_MS) return this.#look
    this.#lookedMs = now
    this.#look = this.#network.links().then(links => {
      for (const link of links) this.#take(link)
    })
    return this.#look
  }

  async #begin(): Promise<void> {
    // Before the first look, so that nothing happens unseen in between.
    this.#monitor = monitorLinks({
      changed: link => this.#take(link),
      gone: ({ index }) => this.#states.delete(index),
      failed: error => this.#stop(error),
    })
    for (const link of await this.#network.links()) this.#take(link)
  }

  #stop(error: unknown): void {
    this.#whyDeaf = messageOf(error)
  }

  #take(link: Link): void {
    const before = this.#states.get(link.index)
    const isOrWas = isUnplugged(link) || (before !== undefined && isUnplugged(before.link))
    const unpluggedMs = isOrWas ? performance.now() : (before?.unpluggedMs ?? Number.NEGATIVE_INFINITY)
    this.#states.set(link.index, { link, unpluggedMs })
  }
}

function whyItWasCut({ link, unpluggedMs }: NicState, sinceMs: number): string | null {
  if (isUnplugged(link)) return whyUnplugged(link)
  return unpluggedMs >= sinceMs ? `${link.name} was unplugged for a while` : null
}
