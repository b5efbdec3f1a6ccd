import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import { AgentError, messageOf } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { IpAddress } from '../model/address.ts'
import type { FoundPool } from '../model/ipvs.ts'
import { OneAtATime } from '../reconcile/one-at-a-time.ts'
import { ArpAudit } from './arp-audit.ts'
import { directorSection, type WantedDirector, wantedDirector } from './desired.ts'
import { readDrained } from './drained.ts'
import { adopt, type CheckedMember, checkedMembers, standingsOf } from './health/members.ts'
import { Watch } from './health/watch.ts'
import { RotationTimes } from './in-rotation.ts'
import {
  type RotationReport,
  readReport,
  type Standing,
  type Standings,
  servicesReport,
  writeReport,
} from './rotation-report.ts'
import { type ChecksTold, checkEvents, NOTHING_TOLD, type RunEvent, rotationEvents } from './run-events.ts'
import { ServedTable } from './served-table.ts'
import { slowStartEvents } from './slow-start-events.ts'

export interface RunOptions {
  host: Host
  /** Reads the configuration file; throws AgentError when it is wrong. */
  load(): Config
  /** Text that differs when the file has changed. */
  stamp(): string
  log(event: RunEvent): void
  /** Ends the run; what the kernel does goes on. */
  signal: AbortSignal
  /** Calls back when the configuration shall be read again. */
  onReload(listener: () => void): void
  /** Called once, when the table is as configured and as the first checks say. */
  onReady?(): void
}

/** Between two looks at the configuration file and at who is drained. */
const LOOK_MS = 1_000
/** How many looks make one glance at the kernel's table. */
const LOOKS_A_GLANCE = 10
/** How many looks make one report, for the latencies in it; a change is reported at once. */
const LOOKS_A_REPORT = 5
/** Between two looks at whether first checks have ended. */
const FIRST_LOOK_MS = 20
/** How much longer than their timeout first checks may take. */
const FIRST_CHECKS_MS = 1_500
/** How long a reload waits for them at most: nobody else is taken out of rotation meanwhile. */
const RELOAD_CHECKS_MS = 3_000

const IS_UNPROVEN = (ofService: Standing[]): boolean => ofService.some(({ health }) => health === 'unproven')
const WOULD_BE_EMPTY = (ofService: Standing[]): boolean =>
  IS_UNPROVEN(ofService) && !ofService.some(({ health }) => health === 'up')

/**
 * Keeps this host the configured director, with only healthy real servers in rotation, until the signal. At the start
 * it goes on from what the kernel's table has; at the end it leaves it as it is.
 */
export async function runDirector(options: RunOptions): Promise<void> {
  const run = new DirectorRun(options)
  try {
    await run.start()
    await run.untilEnded()
  } catch (error) {
    // It was stopped before it had begun: what it had changed by then is undone.
    const isUndone = error instanceof AgentError && ['failed', 'locked'].includes(error.code)
    if (!options.signal.aborted || !isUndone) throw error
  } finally {
    await run.end()
  }
}

class DirectorRun {
  readonly #options: RunOptions
  readonly #watch = new Watch(() => this.#settleSoon())
  readonly #table: ServedTable
  readonly #times = new RotationTimes()
  readonly #arpAudit: ArpAudit
  #config: Config
  #stamp: string
  #members: CheckedMember[] = []
  #drained: ReadonlySet<IpAddress> = new Set()
  /** Why the file of drains cannot be read; empty when it can. */
  #drainsUnread = ''
  /** Why the report cannot be written; empty when it can. */
  #unwritten = ''
  #told: ChecksTold = NOTHING_TOLD
  #refusedConfig: string | null = null
  /** Why the last try to give the kernel what is wanted has failed; empty when it has not. */
  #failedBecause = ''
  readonly #work = new OneAtATime(error => {
    // The next look tries again, and finds that the table must be looked at.
    this.#table.doubt()
    const why = messageOf(error)
    if (why !== this.#failedBecause) this.#warn(why)
    this.#failedBecause = why
  })
  #hasFirstChecks = false

  constructor(options: RunOptions) {
    this.#options = options
    this.#stamp = options.stamp()
    this.#config = options.load()
    this.#table = new ServedTable(options.host, wantedDirector(this.#config), {
      signal: options.signal,
      onServed: () => {
        this.#times.note(this.#table.served)
        this.#remember()
      },
    })
    this.#arpAudit = new ArpAudit({
      sysctl: options.host.sysctl,
      wanted: () => this.#table.served,
      log: options.log,
      onChange: () => this.#work.soon(async () => this.#remember()),
    })
  }

  async start(): Promise<void> {
    const { host, log, onReload } = this.#options
    const last = readReport(host.files)
    const { served: configured } = this.#table
    this.#times.adopt(await this.#found(), last, configured)
    this.#follow(await this.#membersOf(this.#config, last))
    await this.#firstChecks(IS_UNPROVEN)
    this.#hasFirstChecks = true
    await this.#work.run(async () => {
      await this.#converge(this.#config)
      const checked = this.#members.length === 1 ? 'one real server' : `${this.#members.length} real servers`
      log({ level: 'info', subject: '', message: `running, with checks of ${checked}` })
      this.#tellOfChange(configured)
    })
    this.#arpAudit.start()
    this.#options.onReady?.()
    onReload(() => this.#work.onceSoon('reload', () => this.#reload()))
  }

  async untilEnded(): Promise<void> {
    const { signal, stamp } = this.#options
    for (let look = 1; !signal.aborted; look++) {
      if (stamp() !== this.#stamp) this.#work.onceSoon('reload', () => this.#reload())
      if (this.#lookAtDrains() || this.#times.isStepDue || this.#failedBecause !== '') this.#settleSoon()
      this.#tellOfChecks()
      if (look % LOOKS_A_GLANCE === 0) this.#work.soon(() => this.#repair())
      if (look % LOOKS_A_REPORT === 0) this.#work.soon(async () => this.#remember())
      await this.#work.idle()
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
    }
    await this.#work.idle()
  }

  async end(): Promise<void> {
    this.#watch.end()
    await this.#arpAudit.end()
  }

  /**
   * So that no client is sent to what nobody has seen: the first table is made of what first checks say. So is that of
   * a reload by which a service gets real servers that are all new: those of before serve until one of them is seen.
   */
  async #firstChecks(
    isAwaited: (ofService: Standing[]) => boolean,
    atMostMs = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const { signal } = this.#options
    const timeouts = this.#members.flatMap(({ checks }) => checks.map(({ pace }) => pace.timeoutMs))
    const longestMs = timeouts.reduce((longest, each) => Math.max(longest, each), 0) + FIRST_CHECKS_MS
    const deadline = performance.now() + Math.min(longestMs, atMostMs)
    const isSomeAwaited = (): boolean =>
      Object.values(this.#standings()).some(ofService => isAwaited(Object.values(ofService)))
    while (isSomeAwaited() && performance.now() < deadline && !signal.aborted) await sleep(FIRST_LOOK_MS)
  }

  async #membersOf(config: Config, last: RotationReport | null): Promise<CheckedMember[]> {
    const first = adopt(await this.#found(), last)
    return checkedMembers(directorSection(config).services, wantedDirector(config), first)
  }

  async #found(): Promise<FoundPool[]> {
    return (await (await this.#options.host.ipvs())?.table()) ?? []
  }

  #wanted(config: Config): WantedDirector {
    this.#lookAtDrains()
    const inRotation = this.#times.times()
    return wantedDirector(config, { drained: this.#drained, standings: this.#standings(), inRotation })
  }

  #follow(members: CheckedMember[]): void {
    this.#members = members
    this.#watch.follow(members.flatMap(({ checks }) => checks))
  }

  #standings(): Standings {
    return standingsOf(this.#members, this.#watch)
  }

  #settleSoon(): void {
    // Half of the first checks would make a table with half of the real servers, or with the fallback.
    if (this.#hasFirstChecks) this.#work.onceSoon('settle', () => this.#settle())
  }

  /** Gives the kernel what checks and drains have changed. */
  async #settle(): Promise<void> {
    const { served } = this.#table
    const wanted = this.#wanted(this.#config)
    const notes = await this.#table.serve(this.#config, wanted)
    this.#failedBecause = ''
    this.#tellOfChange(served)
    for (const note of notes) this.#warn(note)
  }

  /** Whether anything was not as configured. */
  async #converge(config: Config): Promise<boolean> {
    const { wasChanged, notes } = await this.#table.converge(config, this.#wanted(config))
    for (const note of notes) this.#warn(note)
    return wasChanged
  }

  /** Once it is true. */
  #tellOfChange(before: WantedDirector): void {
    const { served } = this.#table
    for (const event of rotationEvents(before, served, this.#standings())) this.#options.log(event)
    for (const event of slowStartEvents(before, served)) this.#options.log(event)
  }

  /** What somebody else did to the table is undone, as far as it is ours to undo. */
  async #repair(): Promise<void> {
    if (!(await this.#table.isChanged())) return
    const { served } = this.#table
    const wasChanged = await this.#converge(this.#config)
    // Another rs-agent may have done it, and rightly.
    const message = "the kernel's table had changed: it is as configured again"
    if (wasChanged) this.#options.log({ level: 'info', subject: '', message })
    this.#tellOfChange(served)
  }

  /** A configuration that is wrong, or that this host cannot have, is refused, and the old one stays in use. */
  async #reload(): Promise<void> {
    const { load, log, stamp } = this.#options
    const { served } = this.#table
    const before = this.#members
    // Where the new one is refused it tells more of the old one's real servers than what is looked at meanwhile.
    const last = this.#report()
    this.#stamp = stamp()
    try {
      const config = load()
      this.#follow(await this.#membersOf(config, last))
      await this.#firstChecks(WOULD_BE_EMPTY, RELOAD_CHECKS_MS)
      await this.#converge(config)
      this.#config = config
      this.#refusedConfig = null
      log({ level: 'info', subject: config.file, message: 'read again, and in use' })
      this.#tellOfChange(served)
    } catch (error) {
      if (this.#members !== before) this.#follow(await this.#membersOf(this.#config, last))
      this.#refusedConfig = messageOf(error)
      this.#warn(`${messageOf(error)}: the configuration of before stays in use`)
    }
    this.#remember()
  }

  #report(): RotationReport {
    const { pools } = this.#table.served
    return {
      pid: process.pid,
      at: new Date().toISOString(),
      refusedConfig: this.#refusedConfig,
      services: servicesReport(pools, this.#standings()),
      inRotation: this.#times.report(pools),
      alarms: this.#arpAudit.alarms,
    }
  }

  #remember(): void {
    try {
      writeReport(this.#options.host.files, this.#report())
      this.#unwritten = ''
    } catch (error) {
      const why = messageOf(error)
      if (why !== this.#unwritten) this.#warn(`${why}: other commands do not hear what checks find`)
      this.#unwritten = why
    }
  }

  /** Whether others are drained now. While the file cannot be read it stays as it was. */
  #lookAtDrains(): boolean {
    const before = [...this.#drained].sort().join()
    try {
      this.#drained = readDrained(this.#options.host.files)
      this.#drainsUnread = ''
    } catch (error) {
      if (messageOf(error) !== this.#drainsUnread) this.#warn(messageOf(error))
      this.#drainsUnread = messageOf(error)
    }
    return before !== [...this.#drained].sort().join()
  }

  #tellOfChecks(): void {
    const { told, events } = checkEvents(this.#told, this.#standings())
    for (const event of events) this.#options.log(event)
    this.#told = told
  }

  #warn(message: string): void {
    this.#options.log({ level: 'warning', subject: '', message })
  }
}
