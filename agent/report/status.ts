import type { Alarm, KeepReport, Repair } from '../realserver/keep/report.ts'
import type { Interrupted } from '../reconcile/journal.ts'
import { REAL_SERVER, type Role } from '../reconcile/role.ts'
import type { State } from '../reconcile/state.ts'
import { countChanges } from './plan.ts'
import type { Terminal } from './terminal.ts'

/** What the status of either role ends with. */
export interface StateReport {
  asConfigured: boolean
  lastApply: State['lastApply']
  interrupted: InterruptedReport | null
  /** Changes that plan would list. */
  pending: number
}

export interface VipReport {
  address: string
  bound: boolean
  evidence: string
}

export interface StatusReport extends StateReport {
  /** Whether an administrator has taken the host out of rotation. */
  drain: 'in rotation' | 'drained' | 'withdrawn'
  vips: VipReport[]
  /** Of the web server and the shares that are configured. */
  serving: { name: string; right: boolean; evidence: string }[]
  nics: { name: string; silent: boolean; evidence: string }[]
  /** What the running service says; null when none runs. */
  service: Pick<
    KeepReport,
    'pid' | 'startedAt' | 'config' | 'unsettled' | 'withdrawn' | 'repairs' | 'alarms'
  > | null
}

export function printStatus(terminal: Terminal, report: StatusReport): void {
  if (report.drain === 'withdrawn')
    for (const { address } of report.vips)
      terminal.line(`       VIP ${address}: not bound, as long as this host is drained`)
  else printVips(terminal, report.vips)
  for (const { name, silent, evidence } of report.nics)
    terminal.line(`  ${mark(terminal, silent)} NIC ${name}: ${evidence}`)
  for (const { name, right, evidence } of report.serving)
    terminal.line(`  ${mark(terminal, right)} ${name}: ${evidence}`)
  if (report.drain !== 'in rotation')
    terminal.line(
      `  ${terminal.style('yellow', '!')} drained${report.drain === 'withdrawn' ? ', the VIPs are not bound' : ''}; \`rs-agent undrain\` takes this host back into rotation`,
    )
  printService(terminal, report.service)
  printStateLines(terminal, REAL_SERVER, report)
}

function printService(terminal: Terminal, service: StatusReport['service']): void {
  if (service === null) {
    terminal.line('  service: not running; changes of this host are not put right')
    return
  }
  const { pid, startedAt, config, unsettled, withdrawn, repairs, alarms } = service
  const count = repairs.reduce((sum, repair) => sum + repair.count, 0)
  const what = count === 0 ? 'nothing had to be put right' : `put right ${count} times`
  terminal.line(`  service: running since ${startedAt} (process ${pid}), ${what}`)
  for (const repair of repairs.toSorted((left, right) => right.count - left.count).slice(0, MOST_REPAIRS))
    terminal.line(`    ${repairLine(repair)}`)
  const warn = (text: string): void => terminal.line(`  ${terminal.style('yellow', '!')} ${text}`)
  if (config.refused !== null) warn(`the configuration was refused: ${config.refused}`)
  if (unsettled !== null) warn(`not known to be as configured: ${unsettled}`)
  if (withdrawn !== null) warn(`the VIPs are unbound: ${withdrawn}`)
  for (const alarm of alarms) warn(alarmLine(alarm))
}

const MOST_REPAIRS = 5

function repairLine({ subject, count, lastAt, heldBackUntil, suspects }: Repair): string {
  const times = count === 1 ? `once, at ${lastAt}` : `${count} times, at last at ${lastAt}`
  const pause = heldBackUntil === null ? '' : `; left alone until ${heldBackUntil}`
  const who = suspects.length === 0 ? '' : `; perhaps undone by ${suspects.join(', ')}`
  return `${subject}: ${times}${pause}${who}`
}

function alarmLine({ message, count, since, lastAt }: Alarm): string {
  return count === 1 ? `${message} (at ${lastAt})` : `${message} (${count} times from ${since} to ${lastAt})`
}

export function printVips(terminal: Terminal, vips: readonly VipReport[]): void {
  for (const { address, bound, evidence } of vips)
    terminal.line(`  ${mark(terminal, bound)} VIP ${address}: ${evidence}`)
}

export function printStateLines(
  terminal: Terminal,
  { command }: Role,
  { asConfigured, lastApply, pending }: StateReport,
): void {
  terminal.line(
    `  last apply: ${lastApply === null ? 'none' : `${lastApply.at}, ${countChanges(lastApply.changes)}`}`,
  )
  const state = asConfigured
    ? terminal.style('green', 'as configured')
    : terminal.style('red', 'not as configured')
  terminal.line(
    `${command} status: ${state}${pending === 0 ? '' : `; \`${command} plan\` shows what is different (${pending})`}`,
  )
}

function mark(terminal: Terminal, good: boolean): string {
  return good ? terminal.style('green', 'ok  ') : terminal.style('red', 'FAIL')
}

/** A run that ended in the middle, or is under way, with how many of its steps were surely made. */
export interface InterruptedReport {
  verb: string
  startedAt: string
  done: number
  steps: number
}

export function interruptedReport({ verb, startedAt, done, steps }: Interrupted): InterruptedReport {
  return { verb, startedAt, done, steps: steps.length }
}

export function interruptedLine(
  terminal: Terminal,
  { verb, startedAt, done, steps }: InterruptedReport,
): string {
  const what = `${verb} of ${startedAt} is under way, or was interrupted, after ${done} of ${steps} steps`
  return `  ${terminal.style('yellow', '!')} ${what}; the next apply or remove finishes the work`
}
