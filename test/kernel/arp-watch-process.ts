/**
 * Runs inside a namespace: the ARP watch of a `run`, with the plan that it is told. It prints a line of JSON for each
 * event. A line on stdin ends it; the last line tells what it all cost.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { openNetwork } from '../../agent/host/netlink/network.ts'
import { kernelSysctl } from '../../agent/host/sysctl.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { type ArpWatchEvent, watchArp } from '../../agent/realserver/keep/arp-watch.ts'

export interface WatchPlan {
  nics: string[]
  vips: string[]
  directors: string[]
  siblings: string[]
}

export interface WatchEnd {
  kind: 'ended'
  /** Since it was told to. */
  tookMs: number
  /** Of user and system, since it first saw everything. */
  cpuMs: number
  /** Resident memory, in MiB. */
  memoryMib: number
}

const plan: WatchPlan = JSON.parse(process.argv[2] ?? '{}')
const network = openNetwork()
const nics = (await network.links()).filter(({ name }) => plan.nics.includes(name))
const stopping = new AbortController()
let stoppedAt = 0
const input = createInterface(process.stdin)
void once(input, 'line').then(() => {
  stoppedAt = performance.now()
  stopping.abort()
})
let before = process.cpuUsage()
const events = watchArp({
  nics,
  vips: plan.vips as IpAddress[],
  directors: plan.directors as IpAddress[],
  siblings: plan.siblings as IpAddress[],
  host: { network, sysctl: kernelSysctl },
  signal: stopping.signal,
})
for await (const event of events) {
  if (event.kind === 'seeing') before = process.cpuUsage()
  print(event)
}
const { user, system } = process.cpuUsage(before)
const memoryMib = process.memoryUsage.rss() / 2 ** 20
print({
  kind: 'ended',
  tookMs: performance.now() - stoppedAt,
  cpuMs: (user + system) / 1000,
  memoryMib,
})
process.exit()

function print(line: ArpWatchEvent | WatchEnd): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
