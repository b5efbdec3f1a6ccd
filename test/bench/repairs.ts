import { fileURLToPath } from 'node:url'
import type { IpAddress } from '../../agent/model/address.ts'
import type { Host } from '../support/host.ts'
import type { Trial } from './drift-process.ts'
import { KEPT_VIP } from './kept-run.ts'

/** What is undone more often than 50 times in 10 s is left alone for a while: with this pause it is less. */
const PAUSE_MS = 220
export const PATIENCE_MS = 10_000

export const ADDRESS: Trial = {
  undo: { what: 'address', address: KEPT_VIP as IpAddress },
  rounds: 200,
  pauseMs: PAUSE_MS,
  patienceMs: PATIENCE_MS,
}
/** Of one NIC, while that of all of them keeps the host silent: a host that is audible again and again is withdrawn. */
export const SYSCTL: Trial = {
  ...ADDRESS,
  undo: { what: 'sysctl', file: '/proc/sys/net/ipv4/conf/eth0/arp_ignore', wanted: '1', unwanted: '0' },
}

export interface Repairs {
  /** Of those that came in time. */
  tookMs: number[]
  /** How many did not. */
  never: number
}

/** Undoes a setting of a host again and again, each time until somebody there has put it right. */
export async function repairs(host: Host, trial: Trial): Promise<Repairs> {
  const program = fileURLToPath(new URL('./drift-process.ts', import.meta.url))
  const printed = await host.run(process.execPath, [program, JSON.stringify(trial)])
  const all: (number | null)[] = JSON.parse(printed)
  const tookMs = all.filter(ms => ms !== null)
  return { tookMs, never: all.length - tookMs.length }
}
