import { claimText, hintOf } from '../director/arp-alarms.ts'
import type { ArpAlarm, RotationReport, Standing, TimeInRotation } from '../director/rotation-report.ts'
import type { IpAddress } from '../model/address.ts'
import {
  destinationText,
  type FoundDestination,
  type FoundPool,
  type SyncDaemon,
  serviceText,
} from '../model/ipvs.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import { shortNumber } from './short-number.ts'
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
      const start = report.run?.inRotation[serviceText(key)]?.[destinationText(destination)]
      const why = whyOf(standing, report.drained.includes(destination.address))
      terminal.line(`    ${destinationLine(terminal, destination)}${startOf(start)}${why}`)
    }
    const present = new Set(destinations.map(destinationText))
    for (const [name, standing] of Object.entries(standings))
      if (!present.has(name))
        terminal.line(`    ${terminal.style('red', 'out ')} ${name}${whyOf(standing, false)}`)
  }
  for (const { role, interface: nic, syncId } of report.syncDaemons)
    terminal.line(`  sync daemon ${role} on ${nic}, id ${syncId}`)
  const { run } = report
  for (const alarm of run?.alarms ?? []) terminal.line(`  ${alarmLine(terminal, alarm)}`)
  if (run !== null) terminal.line(`  checked by process ${run.pid}, which last wrote at ${run.at}`)
  if (run !== null && run.refusedConfig !== null)
    terminal.line(`  ${terminal.style('red', 'the configuration file is not in use')}: ${run.refusedConfig}`)
  printStateLines(terminal, DIRECTOR, report)
}

/** `, up 1.2 ms`, `, down since ...: connection refused`. */
function whyOf(standing: Standing | undefined, isDrained: boolean): string {
  const drained = isDrained ? ', drained' : ''
  if (standing === undefined) return drained
  const { health, sinceMs, why, unasked, note, latencyMs } = standing
  const latency = latencyMs === null ? '' : ` (${latencyMs.toFixed(1)} ms)`
  const reason = why === '' ? '' : `: ${why}`
  const blind = unasked === '' ? '' : `, not asked now: ${unasked}`
  const remark = note === '' ? '' : `, but ${note}`
  return `${drained}, ${health} since ${new Date(sinceMs).toISOString()}${reason}${latency}${remark}${blind}`
}

/** `, slow start, 40 of 100, 12 s left`. */
function startOf(time: TimeInRotation | undefined): string {
  const start = time?.slowStart
  if (start == null) return ''
  const leftMs = Math.max(0, Date.parse(start.endsAt) - Date.now())
  return `, slow start, ${start.weight} of ${start.of}, ${Math.ceil(leftMs / 1000)} s left`
}

function alarmLine(terminal: Terminal, alarm: ArpAlarm): string {
  const { mac, address, since, heardAt } = alarm
  return `${terminal.style('red', 'ALARM')} ${address ?? mac} ${claimText(alarm)} since ${since}, last ${heardAt}: ${hintOf(alarm)}`
}

function destinationLine(terminal: Terminal, destination: FoundDestination): string {
  const { forwarding, weight, activeConnections, inactiveConnections, traffic } = destination
  const mark = weight > 0 ? terminal.style('green', 'ok  ') : terminal.style('yellow', 'rest')
  const rate = shortNumber(traffic.connectionsPerSecond)
  return `${mark} ${destinationText(destination).padEnd(24)} ${forwarding.method.padEnd(12)} weight ${String(weight).padEnd(5)} ${activeConnections} active, ${inactiveConnections} inactive, ${rate} new a second`
}
