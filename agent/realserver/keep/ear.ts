import { messageOf } from '../../errors.ts'
import {
  monitorNetwork,
  type NetworkChange,
  type NetworkMonitor,
} from '../../host/netlink/network-monitor.ts'
import type { SysctlPath } from '../../host/sysctl.ts'
import { type SysctlWatch, watchSysctls } from '../../host/sysctl-watch.ts'

export interface Heard {
  network(change: NetworkChange): void
  sysctl(path: SysctlPath, value: string): void
  /** Changes went unheard: everything is to be looked at anew. */
  missed(why: string): void
}

/** Hears of whatever changes on this host, as far as the kernel tells, and says when it did not. */
export class Ear {
  readonly #heard: Heard
  readonly #sysctls: SysctlWatch
  #network: NetworkMonitor | null = null
  /** Why there is no monitor now; empty when there is one. */
  #deafBecause = ''

  /** Hears from now on. */
  constructor(heard: Heard) {
    this.#heard = heard
    this.#sysctls = watchSysctls({
      changed: (path, value) => heard.sysctl(path, value),
      blind: why => heard.missed(`${why}: sysctls are looked at once a second`),
    })
    this.#listen()
  }

  /** Finds out what was missed; opens again what had failed. To be called about once a second. */
  look(): void {
    if (this.#network === null && this.#listen()) this.#heard.missed('changes of the network are heard again')
    const lost = this.#network?.takeLost() ?? 0
    if (lost > 0) this.#heard.missed(`${lost} changes of the network were too many to be heard`)
  }

  followSysctls(paths: readonly SysctlPath[]): void {
    this.#sysctls.follow(paths)
  }

  /** By a descriptor that is held open, which takes microseconds. */
  readSysctl(path: SysctlPath): string | null {
    return this.#sysctls.read(path)
  }

  close(): void {
    this.#network?.close()
    this.#sysctls.close()
  }

  #listen(): boolean {
    try {
      this.#network = monitorNetwork({
        changed: change => this.#heard.network(change),
        failed: error => {
          this.#network = null
          this.#deafen(messageOf(error))
        },
      })
      this.#deafBecause = ''
      return true
    } catch (error) {
      this.#deafen(messageOf(error))
      return false
    }
  }

  #deafen(why: string): void {
    if (why !== this.#deafBecause) this.#heard.missed(`changes of the network are not heard: ${why}`)
    this.#deafBecause = why
  }
}
