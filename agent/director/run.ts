import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import { AgentError, messageOf } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { withLock } from '../host/lock.ts'
import { destinationText, serviceText } from '../model/ipvs.ts'
import { convergeDirector } from './converge.ts'
import { directorSection, type WantedDirector, wantedDirector } from './desired.ts'
import { destinationEdits } from './health/edits.ts'
import { adopt, type CheckedMember, checkedMembers, standingsOf } from './health/members.ts'
import { Watch } from './health/watch.ts'
import { type RotationReport, readDrained, readReport, type Standings, writeReport } from './rotation.ts'
import { type RunEvent, rotationEvents } from './run-events.ts'

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
}

/** Between two looks at the configuration file and at who is drained. */
const LOOK_MS = 1_000
/** How many looks make one glance at the kernel's table. */
const LOOKS_A_GLANCE = 10
/** How many looks make one report, for the latencies in it; a change is reported at once. */
const LOOKS_A_REPORT = 5
/** Between two tries while another rs-agent changes this host. */
const RETRY_MS = 20
/** How much longer than their timeout first checks may take. */
const FIRST_CHECKS_MS = 1_500

/**
 * Keeps this host the configured director, with only healthy real servers in rotation, until the signal. At the start
 * it goes on from what the kernel's table has; at the end it leaves it as it is.
 */
export async function runDirector(options: RunOptions): Promise<void> {
  const run = new DirectorRun(options)
  try {
    await run.start()
    await run.untilEnded()
  } finally {
    run.end()
  }
}

class DirectorRun {
  readonly #options: RunOptions
  readonly #watch = new Watch(() => this.#settleSoon())
  #config: Config
  #stamp: string
  #members: CheckedMember[] = []
  /** What the kernel's table holds by our last work. */
  #served: WantedDirector
  #drained = ''
  #refusedConfig: string | null = null
  /** Of the table as we left it; empty when it must be looked at. */
  #glance = ''
  /** One piece of work at a time. */
  #turn: Promise<void> = Promise.resolve()
  #isSettling = false

  constructor(options: RunOptions) {
    this.#options = options
    this.#stamp = options.stamp()
    this.#config = options.load()
    this.#served = wantedDirector(this.#config)
  }

  async start(): Promise<void> {
    const { host, log, onReload } = this.#options
    this.#follow(await this.#membersOf(this.#config, readReport(host.files)))
    await this.#firstChecks()
    await this.#converge(this.#config)
    const checked = this.#members.length === 1 ? 'one real server' : `${this.#members.length} real servers`
    log({ level: 'info', subject: '', message: `running, with checks of ${checked}` })
    for (const event of rotationEvents(null, this.#served, this.#standings())) log(event)
    onReload(() => this.#soon(() => this.#reload()))
  }

  async untilEnded(): Promise<void> {
    const { signal, stamp, host } = this.#options
    for (let look = 1; !signal.aborted; look++) {
      if (stamp() !== this.#stamp) this.#soon(() => this.#reload())
      if (namesOf(readDrained(host.files)) !== this.#drained) this.#settleSoon()
      if (look % LOOKS_A_GLANCE === 0) this.#soon(() => this.#repair())
      if (look % LOOKS_A_REPORT === 0) this.#soon(async () => this.#remember())
      await this.#turn
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
    }
    await this.#turn
  }

  end(): void {
    this.#watch.end()
  }

  /** So that no client is sent to what nobody has seen: the first table is made of what first checks say. */
  async #firstChecks(): Promise<void> {
    const { signal } = this.#options
    const timeouts = this.#members.flatMap(({ checks }) => checks.map(({ pace }) => pace.timeoutMs))
    const deadline = performance.now() + Math.max(0, ...timeouts) + FIRST_CHECKS_MS
    const isUnproven = (): boolean =>
      Object.values(this.#standings()).some(service =>
        Object.values(service).some(({ health }) => health === 'unproven'),
      )
    while (isUnproven() && performance.now() < deadline && !signal.aborted) await sleep(RETRY_MS)
  }

  async #membersOf(config: Config, last: RotationReport | null): Promise<CheckedMember[]> {
    const table = (await (await this.#options.host.ipvs())?.table()) ?? []
    return checkedMembers(directorSection(config).services, wantedDirector(config), adopt(table, last))
  }

  #follow(members: CheckedMember[]): void {
    this.#members = members
    this.#watch.follow(members.flatMap(({ checks }) => checks))
  }

  #standings(): Standings {
    return standingsOf(this.#members, this.#watch)
  }

  /** Once for all that changes meanwhile: a hundred real servers that fail together are one change. */
  #settleSoon(): void {
    if (this.#isSettling) return
    this.#isSettling = true
    this.#soon(async () => {
      this.#isSettling = false
      await this.#settle()
    })
  }

  /** Gives the kernel what checks and drains have changed. */
  async #settle(): Promise<void> {
    const { host, log } = this.#options
    const drained = readDrained(host.files)
    const standings = this.#standings()
    const wanted = wantedDirector(this.#config, { drained, standings })
    const edits = destinationEdits(this.#served.pools, wanted.pools)
    // Told when it is true.
    const events = rotationEvents(this.#served, wanted, standings)
    if (edits.length > 0)
      await this.#alone(async () => {
        const ipvs = await host.ipvs()
        await ipvs?.edit(edits)
        this.#glance = (await ipvs?.glance()) ?? ''
      }).catch(error => {
        // Somebody else changed the table: all of it is looked at.
        this.#warn(messageOf(error))
        return this.#converge(this.#config)
      })
    for (const event of events) log(event)
    this.#served = wanted
    this.#remember()
  }

  /** All of the director's state, as `director apply` makes it. */
  async #converge(config: Config): Promise<void> {
    const { host, signal } = this.#options
    const wanted = wantedDirector(config, { drained: readDrained(host.files), standings: this.#standings() })
    await this.#alone(async () => {
      const { notes } = await convergeDirector(host, config, wanted, { signal, onProgress: () => undefined })
      this.#glance = (await (await host.ipvs())?.glance()) ?? ''
      for (const note of notes) this.#warn(note)
    })
    this.#served = wanted
    this.#remember()
  }

  /** What somebody else did to the table is undone, as far as it is ours to undo. */
  async #repair(): Promise<void> {
    const { host, log } = this.#options
    if ((await (await host.ipvs())?.glance()) === this.#glance) return
    await this.#converge(this.#config)
    log({ level: 'info', subject: '', message: "the kernel's table had changed: it is as configured" })
  }

  /** A configuration that is wrong, or that this host cannot have, is refused, and the old one stays in use. */
  async #reload(): Promise<void> {
    const { load, log, stamp } = this.#options
    const before = this.#members
    this.#stamp = stamp()
    try {
      const config = load()
      this.#follow(await this.#membersOf(config, this.#report()))
      await this.#converge(config)
      this.#config = config
      this.#refusedConfig = null
      log({ level: 'info', subject: config.file, message: 'read again, and in use' })
    } catch (error) {
      if (this.#members !== before) this.#follow(await this.#membersOf(this.#config, this.#report()))
      this.#refusedConfig = messageOf(error)
      this.#warn(`${messageOf(error)}: the configuration of before stays in use`)
    }
    this.#remember()
  }

  #report(): RotationReport {
    const standings = this.#standings()
    const services = this.#served.pools.flatMap(({ service, candidates, parts, usesFallback }) => {
      const ofService = standings[serviceText(service.key)]
      if (ofService === undefined) return []
      const realServers = candidates.flatMap(({ destination }, index) => {
        const name = destinationText(destination)
        const standing = ofService[name]
        return standing === undefined ? [] : [[name, { ...standing, part: parts[index] ?? 'serving' }]]
      })
      return [
        [serviceText(service.key), { fallback: usesFallback, realServers: Object.fromEntries(realServers) }],
      ]
    })
    const at = new Date().toISOString()
    return {
      pid: process.pid,
      at,
      refusedConfig: this.#refusedConfig,
      services: Object.fromEntries(services),
    }
  }

  #remember(): void {
    const { files } = this.#options.host
    this.#drained = namesOf(readDrained(files))
    try {
      writeReport(files, this.#report())
    } catch (error) {
      this.#warn(`${messageOf(error)}: other commands do not hear what checks find`)
    }
  }

  #warn(message: string): void {
    this.#options.log({ level: 'warning', subject: '', message })
  }

  /** After what is under way. What fails is told; the next glance finds that the table must be looked at. */
  #soon(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work).catch(error => {
      this.#glance = ''
      this.#warn(messageOf(error))
    })
  }

  /** Waits for another rs-agent that is at work on this host. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const { host, signal } = this.#options
    for (;;) {
      try {
        return await withLock(host.files.root, work)
      } catch (error) {
        if (!(error instanceof AgentError) || error.code !== 'locked' || signal.aborted) throw error
        await sleep(RETRY_MS)
      }
    }
  }
}

function namesOf(addresses: ReadonlySet<string>): string {
  return [...addresses].sort().join()
}
