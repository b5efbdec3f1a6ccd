import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import { findDrift } from '../director/converge.ts'
import { wantedDirector } from '../director/desired.ts'
import { type RotationReport, readDrained, recallReport, recallRotation } from '../director/rotation.ts'
import { checkVipOnNic } from '../director/verify/host-checks.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Ipvs } from '../host/ipvs.ts'
import { readConnections } from '../host/ipvs-connections.ts'
import { withoutIpvs } from '../host/without-ipvs.ts'
import { parseIpAddress } from '../model/address.ts'
import type { Connection, FoundPool } from '../model/ipvs.ts'
import { recall } from '../reconcile/recall.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import {
  type ConnectionsReport,
  type DirectorStatus,
  printConnections,
  printDirectorStatus,
  printStats,
} from '../report/director.ts'
import { ipvsadmRules } from '../report/ipvsadm-rules.ts'
import { interruptedLine, interruptedReport } from '../report/status.ts'
import { type Invocation, loadInvocationConfig, untilSignal, withHost } from './invocation.ts'

/** What the kernel's tables hold, for people and for other tools. */

/** Between two looks with --watch. */
const WATCH_MS = 2_000

/** VIPs, services, real servers and connections now, with `watch` until a signal; 0 as configured, 2 when not. */
export async function directorStatusCommand(
  invocation: Invocation,
  { watch }: { watch: boolean },
): Promise<number> {
  if (!watch) return directorStatus(invocation)
  // With --json a document on each line.
  const terminal = { ...invocation.terminal, document: invocation.terminal.event }
  let status = 0
  await untilSignal(async signal => {
    while (!signal.aborted) {
      terminal.clear()
      status = await directorStatus({ ...invocation, terminal })
      await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined)
    }
  })
  return status
}

async function directorStatus(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const report = await withHost(invocation, async host => {
    const run = recallReport(host.files)
    try {
      return await reportOf(host, loadInvocationConfig(invocation), run)
    } catch (error) {
      // The run goes on with the configuration of before, and says what is wrong with this one.
      if (run?.refusedConfig == null || !(error instanceof AgentError) || error.code !== 'config-invalid')
        throw error
      return reportOfTable(host, run)
    }
  })
  if (terminal.json) terminal.document(report)
  else {
    if (report.interrupted !== null) terminal.line(interruptedLine(terminal, report.interrupted))
    printDirectorStatus(terminal, report)
  }
  return report.asConfigured ? 0 : 2
}

async function reportOf(host: Host, config: Config, run: RotationReport | null): Promise<DirectorStatus> {
  const rotation = recallRotation(host.files)
  const wanted = wantedDirector(config, rotation)
  const { modules, steps, found, state, interrupted } = await findDrift(host, config, wanted)
  const pending = modules.length + steps.length
  const vips = checkVipOnNic(wanted, found)
    // The standby of a pair (VRRP) has none, and lacks none.
    .filter(({ verdict }) => verdict !== 'skipped')
    .map(({ subject, verdict, evidence }) => ({ address: subject, bound: verdict === 'pass', evidence }))
  return {
    run,
    drained: [...rotation.drained],
    // There is nothing to apply on a NIC that is down, and yet nobody reaches the VIP.
    asConfigured: pending === 0 && interrupted === null && vips.every(({ bound }) => bound),
    vips,
    services: found.ipvs?.pools ?? [],
    syncDaemons: found.ipvs?.daemons ?? [],
    lastApply: state.lastApply,
    interrupted: interrupted && interruptedReport(interrupted),
    pending,
  }
}

/** What there is to tell where nobody can say what shall be. */
async function reportOfTable(host: Host, run: RotationReport): Promise<DirectorStatus> {
  const { state, interrupted } = recall(host.files, DIRECTOR)
  const ipvs = await host.ipvs()
  return {
    run,
    drained: [...readDrained(host.files)],
    asConfigured: false,
    vips: [],
    services: (await ipvs?.table()) ?? [],
    syncDaemons: (await ipvs?.daemons()) ?? [],
    lastApply: state.lastApply,
    interrupted: interrupted && interruptedReport(interrupted),
    pending: 0,
  }
}

/** What went through each service and real server, and how much a second. */
export async function directorStatsCommand(invocation: Invocation): Promise<number> {
  const services = await withTable(invocation, ipvs => ipvs.table())
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
  }
  return connection =>
    (['vip', 'realServer', 'client'] as const).every(
      name => wanted[name] === null || connection[name] === wanted[name],
    ) &&
    (state === undefined || connection.state === state.toUpperCase())
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
