import type { IpAddress } from '../model/address.ts'
import { type Claimant, nameOf } from '../segment/owners.ts'
import type { Terminal } from './terminal.ts'

/** What `probe` prints in JSON. */
export interface ProbeReport {
  vip: IpAddress
  nic: string
  /** The one host that was asked; null when everybody was. */
  target: IpAddress | null
  /** `others`: somebody answers who should not, or somebody who should does not. */
  verdict: 'as expected' | 'others' | 'nobody'
  owners: Claimant[]
  directors: readonly IpAddress[]
  /** Known hosts that answered for their own address. */
  alive: IpAddress[]
}

const COLORS = { 'as expected': 'green', others: 'red', nobody: 'yellow' } as const

export function printProbe(terminal: Terminal, report: ProbeReport): void {
  const directors = report.owners.filter(({ role }) => role === 'director')
  for (const owner of report.owners) {
    // Of two directors that answer nobody can tell the right one.
    const isFine = report.verdict === 'as expected' || (owner.role === 'director' && directors.length === 1)
    const mark = isFine ? terminal.style('green', 'ok  ') : terminal.style('red', 'FAIL')
    const how =
      owner.answers === 0
        ? 'has it on a NIC'
        : `answered ${owner.answers} times, first in ${owner.latencyMs.toFixed(2)} ms`
    terminal.line(`  ${mark} ${nameOf(owner)}: ${how}`)
  }
  terminal.line(`rs-agent probe: ${terminal.style(['bold', COLORS[report.verdict]], summary(report))}`)
}

function summary({ vip, nic, target, verdict, owners, directors, alive }: ProbeReport): string {
  if (target !== null) {
    if (verdict === 'nobody') return `${target} does not answer on ${nic}, not even for its own address`
    return `${target} ${owners.length === 0 ? 'is silent about' : 'answers for'} ${vip}`
  }
  if (verdict === 'nobody') {
    const awake = directors.filter(director => alive.includes(director))
    const state = awake.length === 0 ? '' : `; ${awake.join(', ')} is there, but does not answer for it`
    return `nobody answers for ${vip} on ${nic}${state}`
  }
  const names = owners.map(({ role, addresses, mac }) => `${role} ${addresses[0] ?? mac}`).join(' and ')
  if (verdict === 'others') return `${names} answer${owners.length === 1 ? 's' : ''} for ${vip} on ${nic}`
  const judged =
    directors.length === 0 ? ' (no directors are configured: any one host is taken for right)' : ''
  return `only ${names} answers for ${vip} on ${nic}${judged}`
}
