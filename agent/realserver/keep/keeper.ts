import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/load.ts'
import type { ServiceConfig } from '../../config/service.ts'
import { messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { withLock, withLockInTurn } from '../../host/lock.ts'
import type { NetworkChange } from '../../host/netlink/network-monitor.ts'
import type { IpAddress } from '../../model/address.ts'
import { setDamagedMemoryAside } from '../../reconcile/damaged-memory.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { OneAtATime } from '../../reconcile/one-at-a-time.ts'
import { restore } from '../../reconcile/restore.ts'
import { REAL_SERVER } from '../../reconcile/role.ts'
import type { State } from '../../reconcile/state.ts'
import type { Step } from '../../reconcile/step.ts'
import { arpSysctlPaths } from '../arp-sysctl.ts'
import { convergeRealServer } from '../converge.ts'
import { type WantedRealServer, wantedRealServer } from '../desired.ts'
import { DRAIN_FLAG, readDrain } from '../drain/drain-flag.ts'
import { vipInterlock } from '../interlock.ts'
import type { NetworkDrift } from '../network-half.ts'
import type { CheckResult } from '../verify/check.ts'
import { ArpAlarms } from './arp-alarms.ts'
import { Chronicle } from './chronicle.ts'
import { ConfigInUse, type ConfigSource } from './config-in-use.ts'
import { Doubt, WAITING } from './doubt.ts'
import { Ear } from './ear.ts'
import { FilesWatch } from './files-watch.ts'
import { hostReport } from './host-report.ts'
import { lookThrough } from './inspection.ts'
import { concerns, reflexTo } from './reflex.ts'
import { momentNow, Repairs } from './repairs.ts'
import { forgetKeepReport, type Happening, type KeepReport, writeKeepReport } from './report.ts'
import { settleNetwork } from './settling.ts'
import { Silence } from './silence.ts'
import { openSoon } from './soon.ts'
import { rememberUnbound } from './unbinding.ts'
import { repairText, subjectOf } from './words.ts'

export interface KeepOptions extends ConfigSource {
  host: Host
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
/** A change is seldom alone: the look at everything waits until it is quiet for so long, but not without end. */
const BURST = { quietMs: 30, longestMs: 500 }
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
  readonly #configs: ConfigInUse
  readonly #chronicle: Chronicle
  readonly #repairs = new Repairs()
  readonly #doubt = new Doubt()
  readonly #silence: Silence
  readonly #files: FilesWatch
  readonly #arp: ArpAlarms
  readonly #work = new OneAtATime(error => this.#complain(error))
  readonly #settleSoon = openSoon(() => this.#work.onceSoon('settle', () => this.#settle()), BURST)
  #ear: Ear | null = null
  #seen: NetworkDrift | null = null
  #vips: ReadonlySet<IpAddress> = new Set()
  #checks: CheckResult[] = []
  #checkedAt: Date | null = null
  #isReady = false
  /** Written once a second at most: a flood of repairs shall not wait for a disk. */
  #isReportDue = false
  #lastComplaint = ''
  #resyncs = 0
  #nextResyncMs = 0

  /** Throws AgentError when the configuration is wrong. */
  constructor(options: KeepOptions) {
    const { host } = options
    this.#options = options
    this.#configs = new ConfigInUse(options)
    this.#chronicle = new Chronicle(options.log)
    this.#files = new FilesWatch(host.files.root)
    this.#silence = new Silence({
      host,
      chronicle: this.#chronicle,
      seen: () =>
        this.#seen && {
          links: this.#seen.found.links,
          // Before anything was made only what an earlier run has left behind can be heard.
          vips: this.#isReady ? this.#vips : boundAmong(this.#vips, this.#seen.found),
          needs: new Set(this.#seen.needs),
        },
      readSysctl: path => this.#ear?.readSysctl(path) ?? null,
      policy: () => this.#configs.service.onAudible,
      onRepair: (step, startedAt) => this.#note(step, startedAt),
      onUnbound: steps => this.#work.soon(() => this.#rememberUnbound(steps)),
      onFailure: error => this.#complain(error),
      onChange: () => this.#settleSoon.ask(),
    })
    this.#arp = new ArpAlarms({
      host,
      chronicle: this.#chronicle,
      // Whatever let it out is looked for, and whether it goes on is proved on the wire.
      onOwnClaim: () => {
        this.#settleSoon.ask()
        this.#work.onceSoon('inspect', () => this.#inspect('everything'))
      },
    })
  }

  /** Resolves when the signal has ended it. */
  async run(): Promise<void> {
    const { host, onReload } = this.#options
    // First of all: what changes during the first look is heard.
    this.#ear = new Ear({
      network: change => this.#hear(change),
      sysctl: (path, value) => this.#silence.hear(path, value),
      missed: why => {
        this.#chronicle.tell('warning', '', why)
        this.#settleSoon.ask()
      },
    })
    try {
      this.#mendMemory()
      this.#work.soon(() => this.#settle())
      this.#work.soon(() => this.#settleServing())
      onReload(() => this.#work.onceSoon('reload', () => this.#reload()))
      await this.#lookUntilEnded()
      this.#settleSoon.close()
      await this.#work.idle()
    } finally {
      this.#settleSoon.close()
      this.#ear.close()
      await this.#arp.end()
      forgetKeepReport(host.files)
    }
  }

  report(): KeepReport {
    const { host } = this.#options
    return {
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      at: new Date().toISOString(),
      config: this.#configs.report(),
      drain: readDrain(host.files),
      ...hostReport(this.#wanted(), this.#seen?.found),
      withdrawn: this.#silence.withdrawnBecause,
      unsettled: this.#doubt.why,
      checks: this.#checks,
      checkedAt: this.#checkedAt?.toISOString() ?? null,
      repairs: this.#repairs.report(),
      alarms: this.#chronicle.alarms,
      history: this.#chronicle.history,
    }
  }

  /** What the configuration in use says of the end of the run: the file may be another one by then, or broken. */
  get onStop(): ServiceConfig['onStop'] {
    return this.#configs.service.onStop
  }

  get resyncIntervalMs(): number {
    return this.#configs.service.resyncInterval
  }

  get #config(): Config {
    return this.#configs.config
  }

  /** As configured, but for VIPs that are not to be bound now. */
  #wanted(): WantedRealServer {
    const wanted = wantedRealServer(this.#config, this.#options.host.files.root)
    return this.#silence.withdrawnBecause === null ? wanted : { ...wanted, drain: 'withdrawn' }
  }

  #hear(change: NetworkChange): void {
    if (!concerns(change, this.#vips)) return
    this.#settleSoon.ask()
    const steps = reflexTo(change, this.#vips).filter(step => !this.#isLeftAlone(step))
    if (steps.length > 0) void this.#reflex(steps)
  }

  /** At once, whatever else is to be done; the look at everything that follows finds what this could not do. */
  async #reflex(steps: readonly Step[]): Promise<void> {
    const { host } = this.#options
    const startedAt = performance.now()
    try {
      // Somebody who unbinds the VIPs says so first.
      if (this.#silence.withdrawnBecause !== null || readDrain(host.files) === 'withdrawn') return
      // Not while another rs-agent, or a look at everything, is at work: it may mean what it does.
      await withLock(host.files.root, async () => restore(host, steps, vipInterlock([...this.#vips])))
      // A route that was replaced by itself is no repair.
      for (const step of steps) if (step.change.before !== step.change.after) this.#note(step, startedAt)
    } catch {
      this.#settleSoon.ask()
    }
  }

  /** Looks at the network half of the host, and puts right what is not as wanted. */
  async #settle(): Promise<void> {
    const { host, signal } = this.#options
    this.#doubt.begin()
    try {
      await withLockInTurn(host.files.root, () => this.#settleAlone(), signal)
      this.#doubt.end()
      this.#lastComplaint = ''
      if (!this.#isReady) this.#beReady()
    } catch (error) {
      this.#doubt.fail(messageOf(error))
      this.#mendMemory()
      throw error
    } finally {
      this.#silence.judge()
      this.#isReportDue = true
    }
  }

  async #settleAlone(): Promise<void> {
    const { host, signal } = this.#options
    this.#doubt.takeTurn()
    const wanted = this.#wanted()
    const startedAt = performance.now()
    const { steps, notes, found } = await settleNetwork(host, this.#config, wanted, {
      except: step => this.#isLeftAlone(step),
      signal,
      // What is new may have to be undone: until all is made nobody stands in the way of that.
      onFound: found =>
        this.#see({ ...found, needs: found.needs.filter(path => found.state.needs.includes(path)) }, wanted),
    })
    this.#see(found, wanted)
    for (const note of notes) this.#chronicle.tell('warning', '', note)
    if (this.#isReady) for (const step of steps) this.#note(step, startedAt)
  }

  #mendMemory(): void {
    for (const note of setDamagedMemoryAside(this.#options.host.files, REAL_SERVER))
      this.#chronicle.tell('warning', '', note)
  }

  async #rememberUnbound(steps: readonly Step[]): Promise<void> {
    const { host, signal } = this.#options
    await withLockInTurn(host.files.root, () => rememberUnbound(host.files, steps), signal)
  }

  #see(found: NetworkDrift, wanted: WantedRealServer): void {
    const { links } = found.found
    this.#seen = found
    this.#vips = new Set(wanted.vips)
    this.#ear?.followSysctls(arpSysctlPaths(links))
    if (!this.#options.signal.aborted) this.#arp.follow(wanted, links)
  }

  #beReady(): void {
    this.#isReady = true
    const fate = this.#wanted().drain === 'withdrawn' ? 'stay unbound for now' : 'bound and silent'
    this.#chronicle.tell('info', '', `running: ${[...this.#vips].join(', ')} ${fate}`)
    this.#nextResyncMs = performance.now()
    this.#remember()
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

  async #lookUntilEnded(): Promise<void> {
    const { signal, onAlive } = this.#options
    for (let idleAtMs = performance.now(); !signal.aborted; this.#look()) {
      void this.#work.idle().then(() => {
        idleAtMs = performance.now()
      })
      if (this.#doubt.waitsForLock || performance.now() - idleAtMs < STUCK_MS) onAlive()
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  #look(): void {
    if (this.#options.signal.aborted) return
    this.#ear?.look()
    if (this.#configs.hasFileChanged) this.#work.onceSoon('reload', () => this.#reload())
    if (this.#repairs.endPauses(momentNow()) || this.#doubt.isOpen) this.#settleSoon.ask()
    if (this.#haveFilesChanged()) {
      this.#settleSoon.ask()
      this.#work.onceSoon('serving', () => this.#settleServing())
    }
    if (this.#silence.isLost) this.#silence.judge()
    if (this.#doubt.why === WAITING) {
      this.#complain(new Error(WAITING))
      this.#isReportDue = true
    }
    if (this.#isReady && performance.now() >= this.#nextResyncMs) this.#resync()
    if (this.#isReportDue) this.#remember()
  }

  #resync(): void {
    this.#nextResyncMs = performance.now() + this.resyncIntervalMs
    const extent = this.#resyncs++ % RESYNCS_AN_INSPECTION === 0 ? 'everything' : 'what costs little'
    this.#work.onceSoon('settle', () => this.#settle())
    this.#work.onceSoon('serving', () => this.#settleServing())
    this.#work.onceSoon('inspect', () => this.#inspect(extent))
  }

  #haveFilesChanged(): boolean {
    const ours = (this.#seen?.state.priors ?? []).flatMap(prior =>
      prior.kind === 'file' || prior.kind === 'site' || prior.kind === 'unit-file' ? [prior.id.path] : [],
    )
    const mounts = this.#config.realServer?.nfs.map(({ target }) => target) ?? []
    return this.#files.look([DRAIN_FLAG, ...ours], { mounts })
  }

  /** Makes the checks of verify, for whoever looks at the report. */
  async #inspect(extent: 'everything' | 'what costs little'): Promise<void> {
    this.#checks = await lookThrough(this.#options.host, this.#wanted(), extent, this.#checks)
    this.#checkedAt = new Date()
    const leak = this.#checks.find(({ id, verdict }) => id === 'arp-silence' && verdict === 'fail')
    if (leak !== undefined) this.#silence.lose(`${leak.subject}: ${leak.evidence}`)
    this.#isReportDue = true
  }

  async #reload(): Promise<void> {
    const { isRefused, told } = await this.#configs.reload(async () => {
      await this.#settle()
      await this.#settleServing()
    })
    for (const { level, subject, message } of told) this.#chronicle.tell(level, subject, message)
    // Some of it may have been made.
    if (isRefused) this.#settleSoon.ask()
    this.#isReportDue = true
  }

  #isLeftAlone(step: Step): boolean {
    return this.#repairs.isHeldBack(step, momentNow())
  }

  #note(step: Step, startedAt: number): void {
    const told = this.#repairs.note(step, performance.now() - startedAt, momentNow())
    this.#isReportDue = true
    if (told === 'it goes on') return
    this.#chronicle.tell('info', subjectOf(step), repairText(step))
    if (told !== 'it is made') this.#tellOfFight(step, told).catch(error => this.#complain(error))
  }

  async #tellOfFight(step: Step, said: 'it is fought over' | 'it is left alone'): Promise<void> {
    const { suspectsOf } = await import('./suspects.ts')
    const suspects = suspectsOf(step.change, this.#options)
    this.#repairs.suspect(step, suspects)
    const who = suspects.length === 0 ? '' : `; perhaps ${suspects.join(', ')}`
    const what = said === 'it is left alone' ? ': it is left alone for a while' : ''
    this.#chronicle.tell(
      'warning',
      subjectOf(step),
      `something undoes the repair again and again${what}${who}`,
    )
  }

  #complain(error: unknown): void {
    const message = messageOf(error)
    // Once: it is tried again each second.
    if (message !== this.#lastComplaint) this.#chronicle.tell('warning', '', message)
    this.#lastComplaint = message
  }

  #remember(): void {
    this.#isReportDue = false
    try {
      writeKeepReport(this.#options.host.files, this.report())
    } catch (error) {
      this.#complain(error)
    }
  }
}

function boundAmong(vips: ReadonlySet<IpAddress>, { addresses }: FoundHost): ReadonlySet<IpAddress> {
  return new Set(addresses.flatMap(({ address }) => (vips.has(address) ? [address] : [])))
}

function servesPages({ httpd, nfs }: WantedRealServer, state: State | undefined): boolean {
  const kinds = new Set(['site', 'mount', 'web-server'])
  return httpd !== null || nfs.length > 0 || state?.priors.some(({ kind }) => kinds.has(kind)) === true
}
