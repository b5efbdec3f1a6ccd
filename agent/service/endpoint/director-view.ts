import { claimText, hintOf } from '../../director/arp-alarms.ts'
import { readDrained } from '../../director/drained.ts'
import { type ArpAlarm, type RotationReport, recallReport } from '../../director/rotation-report.ts'
import type { Host } from '../../host/host.ts'
import { withoutIpvs } from '../../host/without-ipvs.ts'
import type { IpAddress } from '../../model/address.ts'
import {
  destinationText,
  type FoundDestination,
  type FoundPool,
  type FoundService,
  serviceText,
} from '../../model/ipvs.ts'
import { inReadingOrder } from '../../model/ipvs-order.ts'

/** The pool of a director: what the kernel's table has, and what the checks of `director run` say of it. */
export interface DirectorView {
  /** When the table was read, ISO 8601. */
  at: string
  /** The `director run` of this host; null when none is running: nobody checks the real servers. */
  run: { pid: number; at: string; refusedConfig: string | null } | null
  services: ServiceRow[]
  alarms: PoolAlarm[]
}

export interface ServiceRow {
  /** As `serviceText` names it. */
  service: string
  scheduler: string
  /** Null where clients do not stay with one real server. */
  persistenceSeconds: number | null
  /** Nobody else is left: the fallback serves. */
  usesFallback: boolean
  rates: Rates
  realServers: RealServerRow[]
}

export interface RealServerRow {
  /** As `destinationText` names it. */
  realServer: string
  state: RealServerState
  /** As checks see it; null where there are none. */
  health: 'up' | 'down' | 'unproven' | null
  /** What checks say of it, and what keeps them from asking; empty when there is nothing to say. */
  why: string
  /** Since when it is of that health, ISO 8601; null where there are no checks. */
  since: string | null
  /** Of the last check that was answered, in milliseconds. */
  latencyMs: number | null
  /** How it is in the kernel's table; null when it is not there. */
  table: TableEntry | null
}

export type RealServerState =
  | 'serving'
  /** Down by its checks, and kept because more of them may not be taken out. */
  | 'kept'
  /** The server that serves when nobody else does. */
  | 'fallback'
  /** Taken out of rotation by hand. */
  | 'drained'
  /** In the table, and gets no new connections. */
  | 'resting'
  /** Not in the table. */
  | 'out'

export interface TableEntry {
  forwarding: string
  weight: number
  activeConnections: number
  inactiveConnections: number
  persistentConnections: number
  /** Since it was put into the table. */
  connections: number
  inBytes: number
  outBytes: number
  rates: Rates
}

/** The kernel's, smoothed over some seconds. */
export interface Rates {
  connectionsPerSecond: number
  inBytesPerSecond: number
  outBytesPerSecond: number
}

/** A host that answers ARP or NDP for a VIP of this director. */
export interface PoolAlarm {
  subject: string
  message: string
  hint: string
  /** ISO 8601. */
  since: string
  lastAt: string
}

/** Reads the kernel's table and the report of `director run`; throws `unsupported` where the kernel has no table. */
export async function lookAtDirector(host: Host): Promise<DirectorView> {
  const ipvs = await host.ipvs()
  if (ipvs === null) throw withoutIpvs()
  const pools = inReadingOrder(await ipvs.table())
  const at = new Date().toISOString()
  return directorView({ at, pools, run: recallReport(host.files), drained: readDrained(host.files) })
}

export interface FoundDirector {
  at: string
  pools: readonly FoundPool[]
  run: RotationReport | null
  drained: ReadonlySet<IpAddress>
}

/** Brings together what the table and the checks know of each real server. */
export function directorView({ at, pools, run, drained }: FoundDirector): DirectorView {
  return {
    at,
    run: run && { pid: run.pid, at: run.at, refusedConfig: run.refusedConfig },
    services: pools.map(pool => serviceRow(pool, run?.services[serviceText(pool.service.key)], drained)),
    alarms: (run?.alarms ?? []).map(poolAlarm),
  }
}

type ServiceReport = RotationReport['services'][string]
type Standing = ServiceReport['realServers'][string]

function serviceRow(
  { service, destinations }: FoundPool,
  report: ServiceReport | undefined,
  drained: ReadonlySet<IpAddress>,
): ServiceRow {
  const usesFallback = report?.fallback ?? false
  const standings = report?.realServers ?? {}
  const inTable = destinations.map((destination): RealServerRow => {
    const standing = standings[destinationText(destination)]
    const state = stateOf(destination, standing, {
      isDrained: drained.has(destination.address),
      // Checks are made of real servers, never of the fallback.
      isFallback: usesFallback && standing === undefined,
    })
    return { ...rowOf(destinationText(destination), standing), state, table: tableEntry(destination) }
  })
  const names = new Set(inTable.map(({ realServer }) => realServer))
  const out = Object.entries(standings)
    .filter(([name]) => !names.has(name))
    .map(([name, standing]): RealServerRow => {
      return { ...rowOf(name, standing), state: standing.part === 'drained' ? 'drained' : 'out', table: null }
    })
  return {
    service: serviceText(service.key),
    scheduler: service.scheduler,
    persistenceSeconds: service.persistence?.timeoutSeconds ?? null,
    usesFallback,
    rates: ratesOf(service),
    realServers: [...inTable, ...out],
  }
}

function stateOf(
  { weight }: FoundDestination,
  standing: Standing | undefined,
  { isDrained, isFallback }: { isDrained: boolean; isFallback: boolean },
): RealServerState {
  if (isFallback && weight > 0) return 'fallback'
  if (weight === 0) return isDrained || standing?.part === 'drained' ? 'drained' : 'resting'
  return standing?.part === 'kept' ? 'kept' : 'serving'
}

function rowOf(name: string, standing: Standing | undefined): Omit<RealServerRow, 'state' | 'table'> {
  if (standing === undefined) return { realServer: name, health: null, why: '', since: null, latencyMs: null }
  const { health, sinceMs, why, unasked, note, latencyMs } = standing
  const sentences = [why, note, unasked === '' ? '' : `not asked now: ${unasked}`].filter(Boolean)
  const since = new Date(sinceMs).toISOString()
  return { realServer: name, health, why: sentences.join('; '), since, latencyMs }
}

function tableEntry(destination: FoundDestination): TableEntry {
  const { forwarding, weight, activeConnections, inactiveConnections, persistentConnections, traffic } =
    destination
  return {
    forwarding: forwarding.method,
    weight,
    activeConnections,
    inactiveConnections,
    persistentConnections,
    connections: traffic.connections,
    inBytes: traffic.inBytes,
    outBytes: traffic.outBytes,
    rates: ratesOf(destination),
  }
}

function ratesOf({ traffic }: Pick<FoundService, 'traffic'>): Rates {
  const { connectionsPerSecond, inBytesPerSecond, outBytesPerSecond } = traffic
  return { connectionsPerSecond, inBytesPerSecond, outBytesPerSecond }
}

function poolAlarm(alarm: ArpAlarm): PoolAlarm {
  const { address, mac, since, heardAt } = alarm
  return { subject: address ?? mac, message: claimText(alarm), hint: hintOf(alarm), since, lastAt: heardAt }
}
