/**
 * Runs inside a namespace: watches NICs for claims of VIPs, and prints a line of JSON for each event, after the line
 * `ready`. A line on stdin ends it; the last line tells how long that took and what it cost. With `everything` it is
 * a plain tap without any filter instead, which has every ARP frame counted: what the filter saves shows by it.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ArpTap } from '../../agent/host/native.ts'
import { openNetwork } from '../../agent/host/netlink/network.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { type Claim, watchForClaims } from '../../agent/realserver/sentinel.ts'

export interface SentinelPlan {
  watch: 'claims' | 'everything'
  nics: string[]
  vips: string[]
}

export type SentinelEvent = { kind: 'claim'; claim: Claim } | { kind: 'blind'; why: string }

export interface SentinelEnd {
  kind: 'ended'
  /** Since it was told to. */
  tookMs: number
  /** Of user and system, since it was ready. */
  cpuMs: number
  /** Of `everything`. */
  frames: number
}

const plan: SentinelPlan = JSON.parse(process.argv[2] ?? '{}')
const network = openNetwork()
const links = await network.links()
network.close()
const nics = links.filter(({ name }) => plan.nics.includes(name))

const stopping = new AbortController()
let stoppedAt = 0
let frames = 0
const input = createInterface(process.stdin)
void once(input, 'line').then(() => {
  stoppedAt = performance.now()
  stopping.abort()
})

// The tap is open as soon as somebody waits for the first event.
const ended = plan.watch === 'claims' ? printClaims() : countEverything()
const before = process.cpuUsage()
process.stdout.write('ready\n')
await ended
const { user, system } = process.cpuUsage(before)
const tookMs = stoppedAt === 0 ? 0 : performance.now() - stoppedAt
print({ kind: 'ended', tookMs, cpuMs: (user + system) / 1000, frames })
input.close()

async function printClaims(): Promise<void> {
  const vips = plan.vips as IpAddress[]
  for await (const event of watchForClaims({ nics, vips, signal: stopping.signal }))
    if (event.kind === 'claims') for (const claim of event.claims) print({ kind: 'claim', claim })
    else if (event.kind === 'blind') print(event)
}

async function countEverything(): Promise<void> {
  const tap = new ArpTap(
    nics.map(({ index }) => index),
    { incoming: 'all' },
  )
  stopping.signal.addEventListener('abort', () => tap.close())
  while (!stopping.signal.aborted) frames += (await tap.receive(1000).catch(() => [])).length
}

function print(line: SentinelEvent | SentinelEnd): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
