import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Ipvs } from '../host/ipvs.ts'
import { readConnections } from '../host/ipvs-connections.ts'
import { withoutIpvs } from '../host/without-ipvs.ts'
import { parseIpAddress } from '../model/address.ts'
import { CONNECTION_STATES } from '../model/connection-states.ts'
import type { Connection, FoundPool } from '../model/ipvs.ts'
import { inReadingOrder } from '../model/ipvs-order.ts'
import { type ConnectionsReport, printConnections, printStats } from '../report/director-tables.ts'
import { ipvsadmRules } from '../report/ipvsadm-rules.ts'
import { type Invocation, withHost } from './invocation.ts'

/** What the kernel's tables hold, for people and for other tools. */

/** What went through each service and real server, and how much a second. */
export async function directorStatsCommand(invocation: Invocation): Promise<number> {
  const services = inReadingOrder(await withTable(invocation, ipvs => ipvs.table()))
  if (invocation.terminal.json) invocation.terminal.document({ services })
  else printStats(invocation.terminal, services)
  return 0
}

/** The table as rules that `ipvsadm -R` takes. */
export async function directorSaveCommand(invocation: Invocation): Promise<number> {
  const rules = ipvsadmRules(await withTable(invocation, ipvs => ipvs.table()))
    .trimEnd()
    .split('\n')
    .filter(Boolean)
  if (invocation.terminal.json) invocation.terminal.document({ rules })
  else for (const rule of rules) invocation.terminal.line(rule)
  await invocation.terminal.written()
  return 0
}

export interface ConnectionFilter {
  vip?: string
  realServer?: string
  client?: string
  state?: string
  limit: string
}

/** The connections that IPVS remembers, as far as the options let them through. */
export async function directorConnectionsCommand(
  invocation: Invocation,
  filter: ConnectionFilter,
): Promise<number> {
  const matches = matcherOf(filter)
  const limit = parseLimit(filter.limit)
  const report: ConnectionsReport = { total: 0, matching: 0, byState: {}, connections: [] }
  for await (const connection of readConnections()) {
    report.total++
    if (!matches(connection)) continue
    report.matching++
    report.byState[connection.state] = (report.byState[connection.state] ?? 0) + 1
    if (report.connections.length < limit) report.connections.push(connection)
  }
  if (invocation.terminal.json) invocation.terminal.document(report)
  else printConnections(invocation.terminal, report)
  return 0
}

/** The kernel's table; throws when the kernel has none. */
export function withTable(
  invocation: Invocation,
  read: (ipvs: Ipvs) => Promise<FoundPool[]>,
): Promise<FoundPool[]> {
  return withHost(invocation, async (host: Host) => {
    const ipvs = await host.ipvs()
    if (ipvs === null) throw withoutIpvs()
    return read(ipvs)
  })
}

function matcherOf({
  vip,
  realServer,
  client,
  state,
}: ConnectionFilter): (connection: Connection) => boolean {
  const wanted = {
    vip: parseAddress(vip, '--vip'),
    realServer: parseAddress(realServer, '--real-server'),
    client: parseAddress(client, '--client'),
    state: parseState(state),
  }
  return connection =>
    (['vip', 'realServer', 'client', 'state'] as const).every(
      name => wanted[name] === null || connection[name] === wanted[name],
    )
}

function parseState(text: string | undefined): string | null {
  const state = text?.toUpperCase()
  if (state === undefined || CONNECTION_STATES.includes(state)) return state ?? null
  throw new AgentError(
    'usage',
    `--state: ${JSON.stringify(text)} is no state of a connection`,
    `write one of ${CONNECTION_STATES.join(', ')}`,
  )
}

function parseAddress(text: string | undefined, option: string): string | null {
  if (text === undefined) return null
  const address = parseIpAddress(text)
  if (address !== null) return address
  throw new AgentError(
    'usage',
    `${option}: ${JSON.stringify(text)} is not an IP address`,
    'write one such as 10.10.10.100',
  )
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 0) return limit
  throw new AgentError(
    'usage',
    `--limit: ${JSON.stringify(text)} is not a whole number`,
    'write one such as 100',
  )
}
