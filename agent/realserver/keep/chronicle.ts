import type { IpAddress } from '../../model/address.ts'
import type { Alarm, Happening } from './report.ts'

/** What somebody wants to read of, and not more: the journal has the rest. */
const KEPT = 200
/** MACs can be made up: only so many alarms are remembered, those that came last. */
const ALARMS_KEPT = 100
/** One kind of alarm is told at once, and then no more often than this. */
const TELL_AGAIN_MS = 10_000

type Words = Omit<Happening, 'at'>
export interface Incident {
  kind: Alarm['kind']
  vip: IpAddress | null
  nic: string | null
  mac: string | null
  message: string
  /** How many of them this stands for. */
  count: number
}

/** What happened since the run began, the latest last, and the alarms among it, each once with how often it came. */
export class Chronicle {
  readonly #log: (words: Words) => void
  readonly #history: Happening[] = []
  readonly #alarms = new Map<string, { alarm: Alarm; toldAtMs: number }>()

  constructor(log: (words: Words) => void) {
    this.#log = log
  }

  tell(level: Words['level'], subject: string, message: string): void {
    this.#history.push({ at: new Date().toISOString(), level, subject, message })
    if (this.#history.length > KEPT) this.#history.shift()
    this.#log({ level, subject, message })
  }

  /** Counts it, and tells of it unless the same was told just before. */
  alarm({ count, ...incident }: Incident): void {
    const { kind, vip, nic, mac } = incident
    const key = [kind, vip, nic, mac].join(' ')
    const now = new Date().toISOString()
    const known = this.#alarms.get(key)
    const alarm: Alarm = known?.alarm ?? { ...incident, count: 0, since: now, lastAt: now }
    alarm.count += count
    alarm.lastAt = now
    alarm.message = incident.message
    const isDue = known === undefined || performance.now() - known.toldAtMs >= TELL_AGAIN_MS
    this.#alarms.delete(key)
    this.#alarms.set(key, { alarm, toldAtMs: isDue ? performance.now() : known.toldAtMs })
    const [oldest] = this.#alarms.keys()
    if (this.#alarms.size > ALARMS_KEPT && oldest !== undefined) this.#alarms.delete(oldest)
    if (!isDue) return
    const again = alarm.count > 1 ? ` (${alarm.count} times since ${alarm.since})` : ''
    this.tell('warning', vip ?? nic ?? '', `${incident.message}${again}`)
  }

  get history(): Happening[] {
    return [...this.#history]
  }

  get alarms(): Alarm[] {
    return [...this.#alarms.values()].map(({ alarm }) => ({ ...alarm }))
  }
}
