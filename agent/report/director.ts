import type { RotationReport, Standing } from '../director/rotation.ts'
import { type IpAddress, withPort } from '../model/address.ts'
import {
  type Connection,
  destinationText,
  type FoundDestination,
  type FoundPool,
  type SyncDaemon,
  serviceText,
  type Traffic,
} from '../model/ipvs.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import { printStateLines, printVips, type StateReport, type VipReport } from './status.ts'
import type { Terminal } from './terminal.ts'

export interface DirectorStatus extends StateReport {
  /** What the `director run` of this host says; null when none is running. */
  run: RotationReport | null
  /** Real servers that were taken out of rotation by hand. */
  drained: IpAddress[]
  vips: VipReport[]
  services: FoundPool[]
  syncDaemons: SyncDaemon[]
}

export function printDirectorStatus(terminal: Terminal, report: DirectorStatus): void {
  printVips(terminal, report.vips)
  for (const { service, destinations } of report.services) {
    const { key, scheduler, persistence } = service
    const sticky = persistence === null ? '' : `, persistent ${persistence.timeoutSeconds} s`
    terminal.line(`  ${terminal.style('bold', serviceText(key))} ${scheduler}${sticky}`)
    const standings = report.run?.services[serviceText(key)]?.realServers ?? {}
    for (const destination of destinations) {
      const standing = standings[destinationText(destination)]
      const why = whyOf(standing, report.drained.includes(destination.address))
      terminal.line(`    ${destinationLine(terminal, destination)}${why}`)
    }
    const present = new Set(destinations.map(destinationText))
    for (const [name, standing] of Object.entries(standings))
      if (!present.has(name))
        terminal.line(`    ${terminal.style('red', 'out ')} ${name}${whyOf(standing, false)}`)
  }
  for (const { role, interface: nic, syncId } of report.syncDaemons)
    terminal.line(`  sync daemon ${role} on ${nic}, id ${syncId}`)
  const { run } = report
  if (run !== null) terminal.line(`  checked by process ${run.pid}, last change ${run.at}`)
  if (run !== null && run.refusedConfig !== null)
    terminal.line(`  ${terminal.style('red', 'the configuration file is not in use')}: ${run.refusedConfig}`)
  printStateLines(terminal, DIRECTOR, report)
}

/** `, up 1.2 ms`, `, down since ...: connection refused`. */
function whyOf(standing: Standing | undefined, isDrained: boolean): string {
  const drained = isDrained ? ', drained' : ''
  if (standing === undefined) return drained
  const { health, sinceMs, why, latencyMs } = standing
  const latency = latencyMs === null ? '' : ` (${latencyMs.toFixed(1)} ms)`
  const reason = why === '' ? '' : `: ${why}`
  return `${drained}, ${health} since ${new Date(sinceMs).toISOString()}${reason}${latency}`
}

function destinationLine(terminal: Terminal, destination: FoundDestination): string {
  const { forwarding, weight, activeConnections, inactiveConnections } = destination
  const mark = weight > 0 ? terminal.style('green', 'ok  ') : terminal.style('yellow', 'rest')
  return `${mark} ${destinationText(destination).padEnd(24)} ${forwarding.method.padEnd(12)} weight ${String(weight).padEnd(5)} ${activeConnections} active, ${inactiveConnections} inactive`
}

const COLUMNS = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const
const RATES = [
  'connectionsPerSecond',
  'inPacketsPerSecond',
  'outPacketsPerSecond',
  'inBytesPerSecond',
  'outBytesPerSecond',
] as const
const HEADINGS = ['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes']

/** Totals, and below them in brackets how much a second. */
export function printStats(terminal: Terminal, services: readonly FoundPool[]): void {
  terminal.line(
    `${''.padEnd(NAME_WIDTH)}${HEADINGS.map(heading => heading.padStart(10)).join('')}${HEADINGS.map(heading => `${heading}/s`.padStart(11)).join('')}`,
  )
  for (const { service, destinations } of services) {
    terminal.line(
      `${terminal.style('bold', serviceText(service.key).padEnd(NAME_WIDTH))}${row(service.traffic)}`,
    )
    for (const destination of destinations)
      terminal.line(`${`  -> ${destinationText(destination)}`.padEnd(NAME_WIDTH)}${row(destination.traffic)}`)
  }
  const noun = services.length === 1 ? '1 service' : `${services.length} services`
  terminal.line(`rs-agent director stats: ${noun}`)
}

const NAME_WIDTH = 34

function row(traffic: Traffic): string {
  const totals = COLUMNS.map(name => short(traffic[name]).padStart(10)).join('')
  return `${totals}${RATES.map(name => short(traffic[name]).padStart(11)).join('')}`
}

/** 1234567 is 1.23M: five figures are enough to compare, and --json has them all. */
function short(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let scaled = value
  let unit = 0
  for (; scaled >= 100_000 && unit < units.length - 1; unit++) scaled /= 1000
  return unit === 0 ? String(Math.round(scaled)) : `${scaled.toPrecision(4)}${units[unit]}`
}

export interface ConnectionsReport {
  /** In the table. */
  total: number
  /** Let through by the options. */
  matching: number
  byState: Record<string, number>
  /** The first of those that match. */
  connections: Connection[]
}

export function printConnections(terminal: Terminal, report: ConnectionsReport): void {
  for (const connection of report.connections) {
    const { protocol, client, clientPort, vip, vipPort, realServer, realServerPort } = connection
    const way = `${withPort(client, clientPort)} -> ${withPort(vip, vipPort)} -> ${withPort(realServer, realServerPort)}`
    terminal.line(
      `  ${protocol.padEnd(5)} ${way.padEnd(64)} ${connection.state} ${connection.expiresSeconds} s`,
    )
  }
  const more = report.matching - report.connections.length
  if (more > 0) terminal.line(terminal.style('dim', `  and ${more} more: --limit`))
  const states = Object.entries(report.byState).map(([state, count]) => `${count} ${state}`)
  terminal.line(
    `rs-agent director connections: ${report.matching} of ${report.total}${states.length === 0 ? '' : ` (${states.join(', ')})`}`,
  )
}
