/**
 * Runs inside a namespace: the ARP audit of a `director run`, with the configuration file that it is told. It prints a
 * line of JSON for each event, after the line `ready`. A line on stdin has it read the file again; the end of stdin ends
 * it, and the last line tells who answers then, and what it all cost.
 */
import { createInterface } from 'node:readline'
import { loadConfig } from '../../agent/config/load.ts'
import { ArpAudit } from '../../agent/director/arp-audit.ts'
import { wantedDirector } from '../../agent/director/desired.ts'
import type { ArpAlarm } from '../../agent/director/rotation-report.ts'
import { kernelSysctl } from '../../agent/host/sysctl.ts'

export interface AuditEnd {
  alarms: ArpAlarm[]
  /** Of user and system. */
  cpuMs: number
}

const file = process.argv[2] ?? ''
let wanted = wantedDirector(loadConfig(file))
let alarms: ArpAlarm[] = []
const audit = new ArpAudit({
  sysctl: kernelSysctl,
  wanted: () => wanted,
  log: print,
  onChange: () => {
    alarms = audit.alarms
  },
})
const before = process.cpuUsage()
audit.start()
process.stdout.write('ready\n')
for await (const _ of createInterface(process.stdin)) wanted = wantedDirector(loadConfig(file))
await audit.end()
const { user, system } = process.cpuUsage(before)
print({ alarms, cpuMs: (user + system) / 1000 } satisfies AuditEnd)

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
