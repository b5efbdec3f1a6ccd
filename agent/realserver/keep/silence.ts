import { messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { SysctlPath } from '../../host/sysctl.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import { ARP_SYSCTLS, isQuiet, WANTED } from '../../model/arp.ts'
import type { Link } from '../../model/network.ts'
import { restore } from '../../reconcile/restore.ts'
import type { Step } from '../../reconcile/step.ts'
import { arpSysctlPath, arpSysctlPaths, findAudible } from '../arp-sysctl.ts'
import { vipInterlock } from '../interlock.ts'
import type { Chronicle } from './chronicle.ts'
import { momentNow } from './repairs.ts'
import { SilenceGuard } from './silence-guard.ts'
import { unbinding } from './unbinding.ts'

/** Whose silence it is: of the last look at everything. */
export interface SilentHost {
  links: readonly Link[]
  vips: ReadonlySet<IpAddress>
  /** Kernel parameters that are ours to set. */
  needs: ReadonlySet<SysctlPath>
}

interface SilenceOptions {
  host: Host
  chronicle: Chronicle
  /** Null before the first look. */
  seen(): SilentHost | null
  readSysctl(path: SysctlPath): string | null
  /** What becomes of the VIPs of a host that cannot be kept silent. */
  policy(): 'unbind' | 'keep'
  onRepair(step: Step, startedAt: number): void
  /** VIPs were taken away before anything was written down. */
  onUnbound(steps: readonly Step[]): void
  onFailure(error: unknown): void
  /** A look at everything has something to do. */
  onChange(): void
}

/** Keeps this host silent about its VIPs, and takes them away where it cannot. */
export class Silence {
  readonly #options: SilenceOptions
  readonly #guard = new SilenceGuard()

  constructor(options: SilenceOptions) {
    this.#options = options
  }

  /** Why the VIPs are not to be bound; null when they are. */
  get withdrawnBecause(): string | null {
    return this.#options.policy() === 'unbind' ? this.#guard.lostBecause : null
  }

  get isLost(): boolean {
    return this.#guard.lostBecause !== null
  }

  /** A parameter has changed: one of ours is set back before anything else is looked at. */
  hear(path: SysctlPath, value: string): void {
    const { host, seen, onRepair, onFailure, onChange } = this.#options
    const sysctl = ARP_SYSCTLS.find(name => path.endsWith(`/${name}`))
    if (sysctl === undefined || isQuiet(sysctl, Number(value))) return
    onChange()
    if (seen()?.needs.has(path) !== true) return
    const startedAt = performance.now()
    const loud = this.#whatIsAudible()
    const change = { kind: 'sysctl', id: { path }, before: value, after: String(WANTED[sysctl]) } as const
    try {
      host.sysctl.write(path, change.after)
    } catch (error) {
      // It went with its NIC.
      if (host.sysctl.read(path) === null) return
      onFailure(error)
      if (loud !== null) this.lose(`${loud}: ${messageOf(error)}`)
      return
    }
    onRepair({ resource: 'arp-sysctl', phase: 'silence', onRemove: 'forget', change }, startedAt)
    if (loud !== null && this.#guard.noteRepaired(loud, momentNow())) this.#withdraw()
  }

  /** By the values in force now, once those that can be set back are: of some the kernel may be about to tell. */
  judge(): void {
    const { seen, readSysctl } = this.#options
    for (const path of seen()?.needs ?? []) {
      const value = readSysctl(path)
      if (value !== null) this.hear(path, value)
    }
    const loud = this.#whatIsAudible()
    if (loud !== null) this.lose(loud)
    else if (this.#guard.noteSilent(momentNow())) {
      const message = 'this host has been silent for a while: its VIPs may be bound again'
      this.#options.chronicle.tell('info', '', message)
      this.#options.onChange()
    }
  }

  /** It is loud, and stays so. */
  lose(why: string): void {
    if (this.#guard.noteLoud(why, momentNow())) this.#withdraw()
  }

  #whatIsAudible(): string | null {
    const { seen, readSysctl } = this.#options
    const { links = [], vips = new Set<IpAddress>() } = seen() ?? {}
    if (![...vips].some(vip => familyOf(vip) === 4)) return null
    const values = arpSysctlPaths(links).flatMap(path => {
      const value = readSysctl(path)
      return value === null ? [] : [[path, value] as const]
    })
    const sysctls = Object.fromEntries(values)
    // One that has gone since says nothing any more.
    const present = links.filter(({ name }) => arpSysctlPath(name, 'arp_ignore') in sysctls)
    return findAudible(present, sysctls)
  }

  #withdraw(): void {
    const { chronicle, policy, onChange } = this.#options
    const isUnbound = policy() === 'unbind'
    const fate = isUnbound ? 'its VIPs are unbound until it is silent' : 'its VIPs stay bound, as configured'
    const message = `this host cannot be kept silent: ${this.#guard.lostBecause}; ${fate}`
    chronicle.alarm({ kind: 'audible', vip: null, nic: null, mac: null, message, count: 1 })
    if (isUnbound) void this.#unbind()
    onChange()
  }

  /** Before anything else: each millisecond counts. What this cannot do the look at everything does. */
  async #unbind(): Promise<void> {
    const { host, seen, onUnbound, onFailure, onChange } = this.#options
    try {
      const steps = unbinding(await host.network.addresses(), seen()?.vips ?? new Set())
      await restore(host, steps, vipInterlock([]))
      onUnbound(steps)
    } catch (error) {
      onFailure(error)
    }
    onChange()
  }
}
