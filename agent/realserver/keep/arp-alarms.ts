import { messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { IpAddress } from '../../model/address.ts'
import { arpNics, type Link } from '../../model/network.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import { type ArpWatchEvent, watchArp } from './arp-watch.ts'
import type { Chronicle } from './chronicle.ts'

interface ArpAlarmsOptions {
  host: Host
  chronicle: Chronicle
  /** This host has told the segment that it owns the VIP. */
  onOwnClaim(vip: IpAddress): void
}

/** Raises an alarm for every claim to a VIP on the segments of this host, its own ones and those of strangers. */
export class ArpAlarms {
  readonly #options: ArpAlarmsOptions
  #key = ''
  #watching: AbortController | null = null
  readonly #watches = new Set<Promise<void>>()

  constructor(options: ArpAlarmsOptions) {
    this.#options = options
  }

  /** Watches what this host has now, and is wanted to have; what is watched already goes on. */
  follow(wanted: WantedRealServer, links: readonly Link[]): void {
    const nics = arpNics(links)
    const vips = ipv4Vips(wanted)
    const { directors, siblings } = wanted
    const names = nics.map(({ index, name, mac }) => [index, name, mac])
    const key = JSON.stringify([names, vips, directors, siblings])
    if (key === this.#key) return
    this.#key = key
    const before = this.#watching
    const endBefore = (): void => before?.abort()
    this.#watching = null
    if (vips.length === 0 || nics.length === 0) {
      endBefore()
      return
    }
    const watching = new AbortController()
    this.#watching = watching
    const { signal } = watching
    const { host } = this.#options
    const events = watchArp({ nics, vips, directors, siblings, host, signal })
    // The one of before goes on until this one sees: nothing passes in between.
    const watch = this.#hear(events, endBefore).finally(endBefore)
    this.#watches.add(watch)
    void watch.finally(() => this.#watches.delete(watch))
  }

  async end(): Promise<void> {
    this.#watching?.abort()
    await Promise.all(this.#watches)
  }

  async #hear(events: AsyncGenerator<ArpWatchEvent>, onSeeing: () => void): Promise<void> {
    const { chronicle } = this.#options
    let isBlind = false
    try {
      for await (const event of events) {
        if (event.kind === 'blind')
          chronicle.tell('warning', event.nic ?? '', `ARP is not heard: ${event.why}`)
        else if (event.kind === 'seeing') {
          onSeeing()
          if (isBlind) chronicle.tell('info', '', 'ARP is heard again on every NIC')
        } else this.#raise(event)
        isBlind = event.kind === 'blind' || (isBlind && event.kind !== 'seeing')
      }
    } catch (error) {
      chronicle.tell('warning', '', `ARP is not heard: ${messageOf(error)}`)
    }
  }

  #raise(event: Extract<ArpWatchEvent, { vip: IpAddress }>): void {
    const { kind, vip, nic, mac, count } = event
    const message =
      event.kind === 'own-claim'
        ? `this host claimed it on ${nic}: an ARP ${event.frame} to ${event.toldTo}, from ${mac}`
        : `${event.who ?? 'a stranger'} (${mac} on ${nic}) claims it, and is no director`
    this.#options.chronicle.alarm({ kind, vip, nic, mac, message, count })
    if (event.kind === 'own-claim') this.#options.onOwnClaim(vip)
  }
}
