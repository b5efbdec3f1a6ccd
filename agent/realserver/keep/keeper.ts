import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/load.ts'
import { SERVICE_DEFAULTS, type ServiceConfig } from '../../config/service.ts'
import { messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { withLock, withLockInTurn } from '../../host/lock.ts'
import type { NetworkChange } from '../../host/netlink/network-monitor.ts'
import type { SysctlPath } from '../../host/sysctl.ts'
import type { IpAddress } from '../../model/address.ts'
import { ARP_SYSCTLS, isQuiet, WANTED } from '../../model/arp.ts'
import { setDamagedMemoryAside } from '../../reconcile/damaged-memory.ts'
import { OneAtATime } from '../../reconcile/one-at-a-time.ts'
import { isRemembered, restore } from '../../reconcile/restore.ts'
import { REAL_SERVER } from '../../reconcile/role.ts'
import type { State } from '../../reconcile/state.ts'
import type { Step } from '../../reconcile/step.ts'
import { arpSysctlPaths, findAudible } from '../arp-sysctl.ts'
import { convergeRealServer } from '../converge.ts'
import { ipv4Vips, type WantedRealServer, wantedRealServer } from '../desired.ts'
import { DRAIN_FLAG, readDrain } from '../drain/drain-flag.ts'
import { vipInterlock } from '../interlock.ts'
import { convergeNetwork, findNetworkDrift, type NetworkDrift } from '../network-half.ts'
import { checkArpSysctl } from '../verify/arp-sysctl.ts'
import type { CheckResult } from '../verify/check.ts'
import { checkVipBound } from '../verify/vip-bound.ts'
import { ArpAlarms } from './arp-alarms.ts'
import { Chronicle } from './chronicle.ts'
import { Ear } from './ear.ts'
import { FilesWatch } from './files-watch.ts'
import { lookThrough } from './inspection.ts'
import { concerns, reflexTo } from './reflex.ts'
import { type Moment, Repairs } from './repairs.ts'
import { forgetKeepReport, type Happening, type KeepReport, writeKeepReport } from './report.ts'
import { SilenceGuard } from './silence-guard.ts'
import { unbinding } from './unbinding.ts'
import { repairText, subjectOf } from './words.ts'

export interface KeepOptions {
  host: Host
  /** Reads the configuration file; throws AgentError when it is wrong. */
  load(): Config
  /** Text that differs when the file has changed. */
  stamp(): string
  log(event: Omit<Happening, 'at'>): void
  /** Ends the run; the host stays as it is. */
  signal: AbortSignal
  /** Calls back when the configuration shall be read again. */
  onReload(listener: () => void): void
  /** Called once, when the VIPs are bound and this host is silent. */
  onReady(): void
  /** Called about once a second, as long as all goes on. */
  onAlive(): void
}

/** Between two looks at what nobody tells of: files, drains, what was missed. */
const LOOK_MS = 1_000
/** Longer than any program may take that is asked to start a web server: work that has not ended by then is stuck. */
const STUCK_MS = 180_000
/** A change is seldom alone: the look at everything waits until it is quiet for so long, ... */
const QUIET_MS = 30
/** ... but not longer than this under a flood. */
const LONGEST_WAIT_MS = 500
/** How many looks at everything make one look with all checks, which take a hundred times as long. */
const RESYNCS_AN_INSPECTION = 5

/**
 * Keeps this host the configured real server until the signal. What changes is heard of as it happens, and put right at
 * once; whatever was missed is found by a look at everything, now and then. A host that cannot be kept silent loses its
 * VIPs, unless told otherwise.
 */
export class RealServerKeeper {
  readonly #options: KeepOptions
  readonly #startedAt = new Date()
  readonly #chronicle: Chronicle
  readonly #repairs = new Repairs()
  readonly #guard = new SilenceGuard()
  readonly #files: FilesWatch
  readonly #arp: ArpAlarms
  readonly #work: OneAtATime
  #config: Config
  #configReadAt = new Date()
  #stamp: string
  #refusedConfig: string | null = null
  #ear: Ear | null = null
  #seen: NetworkDrift | null = null
  #vips: ReadonlySet<IpAddress> = new Set()
  #needs: ReadonlySet<SysctlPath> = new Set()
  #checks: CheckResult[] = []
  #checkedAt: Date | null = null
  #quietTimer: NodeJS.Timeout | undefined
  #waitingSinceMs: number | null = null
  #isReady = false
  #lastComplaint = ''
  #resyncs = 0
  #nextResyncMs = 0

  /** Throws AgentError when the configuration is wrong. */
  constructor(options: KeepOptions) {
    this.#options = options
    this.#stamp = options.stamp()
    this.#config = options.load()
    this.#chronicle = new Chronicle(options.log)
    this.#files = new FilesWatch(options.host.files.root)
    this.#arp = new ArpAlarms({
      host: options.host,
      chronicle: this.#chronicle,
      // Whatever let it out is looked for, and whether it goes on is proved on the wire.
      onOwnClaim: () => {
        this.#settleSoon()
        this.#work.onceSoon('inspect', () => this.#inspect('everything'))
      },
    })
    this.#work = new OneAtATime(error => this.#complain(error))
  }

  /** Resolves when the signal has ended it. */
  async run(): Promise<void> {
    const { signal, onReload, onAlive } = this.#options
    // First of all: what changes during the first look is heard.
    this.#ear = new Ear({
      network: change => this.#hearNetwork(change),
      sysctl: (path, value) => this.#hearSysctl(path, value),
      missed: why => {
        this.#chronicle.tell('warning', '', why)
        this.#settleSoon()
      },
    })
    try {
      for (const note of setDamagedMemoryAside(this.#options.host.files, REAL_SERVER))
        this.#chronicle.tell('warning', '', note)
      this.#work.soon(() => this.#settle())
      this.#work.soon(() => this.#settleServing())
      onReload(() => this.#work.onceSoon('reload', () => this.#reload()))
      for (let idleAtMs = performance.now(); !signal.aborted; this.#look()) {
        void this.#work.idle().then(() => {
          idleAtMs = performance.now()
        })
        if (performance.now() - idleAtMs < STUCK_MS) onAlive()
        await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
      }
      await this.#work.idle()
    } finally {
      clearTimeout(this.#quietTimer)
      this.#ear.close()
      await this.#arp.end()
      forgetKeepReport(this.#options.host.files)
    }
  }

  report(): KeepReport {
    const wanted = this.#wanted()
    const found = this.#seen?.found
    return {
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      at: new Date().toISOString(),
      config: {
        file: this.#config.file,
        readAt: this.#configReadAt.toISOString(),
        refused: this.#refusedConfig,
      },
      drain: readDrain(this.#options.host.files),
      vips: found === undefined ? [] : checkVipBound(wanted, found).map(boundReport),
      nics: found === undefined ? [] : checkArpSysctl(wanted, found).map(silentReport),
      withdrawn: this.#isWithdrawn ? this.#guard.lostBecause : null,
      checks: this.#checks,
      checkedAt: this.#checkedAt?.toISOString() ?? null,
      repairs: this.#repairs.report(),
      alarms: this.#chronicle.alarms,
      history: this.#chronicle.history,
    }
  }

  get #service(): ServiceConfig {
    return this.#config.service ?? SERVICE_DEFAULTS
  }

  get #isWithdrawn(): boolean {
    return this.#guard.lostBecause !== null && this.#service.onAudible === 'unbind'
  }

  /** As configured, but for VIPs that are not to be bound now. */
  #wanted(): WantedRealServer {
    const wanted = wantedRealServer(this.#config, this.#options.host.files.root)
    return this.#isWithdrawn ? { ...wanted, drain: 'withdrawn' } : wanted
  }

  #hearNetwork(change: NetworkChange): void {
    if (!concerns(change, this.#vips)) return
    this.#settleSoon()
    const steps = reflexTo(change, this.#vips).filter(step => !this.#isLeftAlone(step))
    if (steps.length > 0) void this.#reflex(steps)
  }

  #hearSysctl(path: SysctlPath, value: string): void {
    const sysctl = ARP_SYSCTLS.find(name => path.endsWith(`/${name}`))
    if (sysctl === undefined || isQuiet(sysctl, Number(value))) return
    this.#settleSoon()
    if (!this.#needs.has(path)) return
    const startedAt = performance.now()
    const loud = this.#whatIsAudible()
    const change = { kind: 'sysctl', id: { path }, before: value, after: String(WANTED[sysctl]) } as const
    try {
      this.#options.host.sysctl.write(path, change.after)
    } catch (error) {
      this.#complain(error)
      this.#lose(loud ?? messageOf(error))
      return
    }
    this.#note({ resource: 'arp-sysctl', phase: 'silence', onRemove: 'forget', change }, startedAt)
    if (loud !== null && this.#guard.noteRepaired(loud, momentNow())) this.#lost()
  }

  /** At once, whatever else is to be done; the look at everything that follows finds what this could not do. */
  async #reflex(steps: readonly Step[]): Promise<void> {
    const { host } = this.#options
    const startedAt = performance.now()
    if (this.#seen === null || this.#wantsNone(host)) return
    try {
      // Not while another rs-agent, or a look at everything, is at work: it may mean what it does.
      await withLock(host.files.root, async () => restore(host, steps, vipInterlock([...this.#vips])))
      for (const step of steps) if (step.change.kind !== 'route') this.#note(step, startedAt)
    } catch {
      this.#settleSoon()
    }
  }

  /** Somebody who unbinds the VIPs says so first. */
  #wantsNone({ files }: Host): boolean {
    return this.#isWithdrawn || readDrain(files) === 'withdrawn'
  }

  #settleSoon(): void {
    const now = performance.now()
    this.#waitingSinceMs ??= now
    clearTimeout(this.#quietTimer)
    const waitMs = Math.max(0, Math.min(QUIET_MS, this.#waitingSinceMs + LONGEST_WAIT_MS - now))
    this.#quietTimer = setTimeout(() => {
      this.#waitingSinceMs = null
      this.#work.onceSoon('settle', () => this.#settle())
    }, waitMs)
  }

  /** Looks at the network half of the host, and puts right what is not as wanted. */
  async #settle(): Promise<void> {
    const { host, signal } = this.#options
    try {
      await withLockInTurn(host.files.root, () => this.#settleAlone(host), signal)
      this.#lastComplaint = ''
      this.#judgeSilence()
      if (!this.#isReady) this.#beReady()
    } catch (error) {
      this.#judgeSilence()
      throw error
    } finally {
      this.#remember()
    }
  }

  async #settleAlone(host: Host): Promise<void> {
    const wanted = this.#wanted()
    const except = (step: Step): boolean => this.#isLeftAlone(step)
    const startedAt = performance.now()
    const drift = await findNetworkDrift(host, this.#config, wanted, except)
    this.#see(drift, wanted)
    const { steps, state, interrupted } = drift
    if (steps.length === 0 && interrupted === null) return
    if (interrupted === null && isRemembered(steps, state))
      await restore(host, steps, vipInterlock([...new Set([...state.vips, ...wanted.vips])]))
    else {
      const watching = { signal: this.#options.signal, onProgress: () => undefined }
      const { notes } = await convergeNetwork(host, this.#config, wanted, except, watching)
      for (const note of notes) this.#chronicle.tell('warning', '', note)
    }
    if (this.#isReady) for (const step of steps) this.#note(step, startedAt)
    this.#see(await findNetworkDrift(host, this.#config, wanted, except), wanted)
  }

  #see(drift: NetworkDrift, wanted: WantedRealServer): void {
    this.#seen = drift
    this.#vips = new Set(wanted.vips)
    this.#needs = new Set(drift.needs)
    this.#ear?.followSysctls(arpSysctlPaths(drift.found.links))
    if (!this.#options.signal.aborted) this.#arp.follow(wanted, drift.found.links)
  }

  #beReady(): void {
    this.#isReady = true
    const vips = [...this.#vips].join(', ')
    this.#chronicle.tell('info', '', `running: ${vips} bound and silent`)
    this.#nextResyncMs = performance.now()
    this.#options.onReady()
  }

  /** The half that serves pages: programs are asked, which takes a while. */
  async #settleServing(): Promise<void> {
    const { host, signal } = this.#options
    const wanted = this.#wanted()
    if (!this.#isReady || !servesPages(wanted, this.#seen?.state)) return
    const startedAt = performance.now()
    const watching = { signal, onProgress: () => undefined }
    const { steps } = await withLockInTurn(
      host.files.root,
      // Packages come by hand, or by apply: a service that installs software is nothing to be left alone with.
      () => convergeRealServer(host, this.#config, { ...wanted, packages: 'leave' }, watching),
      signal,
    )
    for (const step of steps) this.#note(step, startedAt)
    this.#files.forget()
  }

  #look(): void {
    const { stamp, signal } = this.#options
    if (signal.aborted) return
    this.#ear?.look()
    if (stamp() !== this.#stamp) this.#work.onceSoon('reload', () => this.#reload())
    if (this.#repairs.endPauses(momentNow()) || !this.#isReady) this.#settleSoon()
    if (this.#filesChanged()) {
      this.#settleSoon()
      this.#work.onceSoon('serving', () => this.#settleServing())
    }
    if (this.#guard.lostBecause !== null) this.#judgeSilence()
    if (this.#isReady && performance.now() >= this.#nextResyncMs) this.#resync()
  }

  #resync(): void {
    this.#nextResyncMs = performance.now() + this.#service.resyncInterval
    const isInspection = this.#resyncs++ % RESYNCS_AN_INSPECTION === 0
    this.#work.onceSoon('settle', () => this.#settle())
    this.#work.onceSoon('serving', () => this.#settleServing())
    this.#work.onceSoon('inspect', () => this.#inspect(isInspection ? 'everything' : 'what costs little'))
  }

  #filesChanged(): boolean {
    const { state } = this.#seen ?? {}
    const ours = (state?.priors ?? []).flatMap(prior =>
      prior.kind === 'file' || prior.kind === 'site' || prior.kind === 'unit-file' ? [prior.id.path] : [],
    )
    const mounts = this.#config.realServer?.nfs.map(({ target }) => target) ?? []
    return this.#files.look([DRAIN_FLAG, ...ours], { mounts })
  }

  /** Makes the checks of verify, for whoever looks at the report. */
  async #inspect(extent: 'everything' | 'what costs little'): Promise<void> {
    const { host } = this.#options
    this.#checks = await lookThrough(host, this.#wanted(), extent, this.#checks)
    this.#checkedAt = new Date()
    const leak = this.#checks.find(({ id, verdict }) => id === 'arp-silence' && verdict === 'fail')
    if (leak !== undefined) this.#lose(`${leak.subject}: ${leak.evidence}`)
    this.#remember()
  }

  /** A configuration that is wrong, or that this host cannot have, is refused, and the old one stays in use. */
  async #reload(): Promise<void> {
    const { load, stamp } = this.#options
    const before = this.#config
    this.#stamp = stamp()
    try {
      this.#config = load()
      await this.#settle()
      await this.#settleServing()
      this.#configReadAt = new Date()
      this.#refusedConfig = null
      this.#chronicle.tell('info', this.#config.file, 'read again, and in use')
    } catch (error) {
      this.#config = before
      this.#refusedConfig = messageOf(error)
      this.#chronicle.tell('warning', '', `${messageOf(error)}: the configuration of before stays in use`)
      this.#settleSoon()
    }
    this.#remember()
  }

  #whatIsAudible(): string | null {
    const { found } = this.#seen ?? {}
    if (found === undefined || ipv4Vips(this.#wanted()).length === 0) return null
    const values = arpSysctlPaths(found.links).flatMap(path => {
      const value = this.#ear?.readSysctl(path) ?? null
      return value === null ? [] : [[path, value] as const]
    })
    return findAudible(found.links, Object.fromEntries(values))
  }

  #judgeSilence(): void {
    const loud = this.#whatIsAudible()
    if (loud !== null) this.#lose(loud)
    else if (this.#guard.noteSilent(momentNow())) {
      this.#chronicle.tell('info', '', 'this host has been silent for a while: its VIPs may be bound again')
      this.#settleSoon()
    }
  }

  #lose(why: string): void {
    if (this.#guard.noteLoud(why, momentNow())) this.#lost()
  }

  /** This host cannot be kept silent. */
  #lost(): void {
    const why = this.#guard.lostBecause ?? ''
    const fate = this.#isWithdrawn
      ? 'its VIPs are unbound until it is silent'
      : 'its VIPs stay bound, as configured'
    const message = `this host cannot be kept silent: ${why}; ${fate}`
    this.#chronicle.alarm({ kind: 'audible', vip: null, nic: null, mac: null, message, count: 1 })
    if (this.#isWithdrawn) void this.#unbind()
    this.#remember()
  }

  /** Before anything else: each millisecond counts. What this cannot do the look at everything does. */
  async #unbind(): Promise<void> {
    const { host } = this.#options
    try {
      const steps = unbinding(await host.network.addresses(), this.#vips)
      await restore(host, steps, vipInterlock([]))
    } catch (error) {
      this.#complain(error)
    }
    this.#settleSoon()
  }

  /** Never what is loud: that is worse than a busy processor. */
  #isLeftAlone(step: Step): boolean {
    const isLoud = step.resource === 'arp-sysctl' || step.phase === 'withdraw'
    return !isLoud && this.#repairs.isHeldBack(step, momentNow())
  }

  #note(step: Step, startedAt: number): void {
    const subject = subjectOf(step)
    const said = this.#repairs.note(step, performance.now() - startedAt, momentNow())
    if (said !== 'nothing') this.#chronicle.tell('warning', subject, `something undoes it again and again`)
    this.#chronicle.tell('info', subject, repairText(step))
    this.#rememberSoon()
  }

  #complain(error: unknown): void {
    const message = messageOf(error)
    // Once: it is tried again each second.
    if (message !== this.#lastComplaint) this.#chronicle.tell('warning', '', message)
    this.#lastComplaint = message
  }

  #rememberSoon(): void {
    this.#work.onceSoon('remember', async () => this.#remember())
  }

  #remember(): void {
    try {
      writeKeepReport(this.#options.host.files, this.report())
    } catch (error) {
      this.#complain(error)
    }
  }
}

function momentNow(): Moment {
  return { at: new Date(), ms: performance.now() }
}

function servesPages({ httpd, nfs }: WantedRealServer, state: State | undefined): boolean {
  const remembered = state?.priors.some(
    ({ kind }) => kind === 'site' || kind === 'mount' || kind === 'web-server',
  )
  return httpd !== null || nfs.length > 0 || remembered === true
}

function boundReport({ subject, verdict, evidence }: CheckResult): KeepReport['vips'][number] {
  return { address: subject as IpAddress, bound: verdict === 'pass', evidence }
}

function silentReport({ subject, verdict, evidence }: CheckResult): KeepReport['nics'][number] {
  return { name: subject, silent: verdict === 'pass', evidence }
}
