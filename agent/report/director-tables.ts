import { withPort } from '../model/address.ts'
import { type Connection, destinationText, type FoundPool, serviceText, type Traffic } from '../model/ipvs.ts'
import { shortNumber } from './short-number.ts'
import type { Terminal } from './terminal.ts'

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
  const totals = COLUMNS.map(name => shortNumber(traffic[name]).padStart(10)).join('')
  return `${totals}${RATES.map(name => shortNumber(traffic[name]).padStart(11)).join('')}`
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
