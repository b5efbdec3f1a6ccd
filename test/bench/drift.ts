/** How soon `rs-agent run` puts right what somebody undoes, beside Debian's keepalived and systemd-networkd. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { IpAddress } from '../../agent/model/address.ts'
import { AgentRun } from '../support/agent-run.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { startPeerWith } from '../support/peers.ts'
import { Agent } from '../support/rs-agent.ts'
import type { Segment } from '../support/segment.ts'
import type { Trial } from './drift-process.ts'

const VIP = '10.10.10.100' as IpAddress
const CONFIG = `realServer: { vips: [{ address: ${VIP} }] }\n`
const ROUNDS = 200
/** With it one setting is undone fewer than 50 times in 10 s: what is undone more often is left alone for a while. */
const PAUSE_MS = 220
const PATIENCE_MS = 10_000
/** As long as it takes until everything is looked at anew, once. */
const IDLE_MS = 60_000
const MIB = 1024 * 1024

const ADDRESS: Trial = {
  undo: { what: 'address', address: VIP },
  rounds: ROUNDS,
  pauseMs: PAUSE_MS,
  patienceMs: PATIENCE_MS,
}
/** Of one NIC, while that of all of them keeps the host silent: a host that is audible again and again is withdrawn. */
const SYSCTL: Trial = {
  ...ADDRESS,
  undo: { what: 'sysctl', file: '/proc/sys/net/ipv4/conf/eth0/arp_ignore', wanted: '1', unwanted: '0' },
}

interface Repairs {
  medianMs: number
  /** 99 of 100 take no longer. */
  p99Ms: number
  never: number
}

export async function reportDrift(segment: Segment, line: (text: string) => void): Promise<void> {
  const host = await segment.addHost('kept', '10.10.10.52/24')
  line(`\na VIP that is deleted, until it is back (of ${ROUNDS} times)`)
  let ours: Repairs
  {
    await using agent = new Agent(host, CONFIG)
    const process = agent.start(['run', '--json'], { input: '' })
    await using run = new AgentRun(process)
    await run.says(/^running/)
    ours = await repairs(host, ADDRESS)
    line(textOf('rs-agent run', ours, { medianMs: 1, p99Ms: 5 }))
    const sysctls = await repairs(host, SYSCTL)
    await reportPeers(segment, ours, line)
    line(`\na sysctl of a NIC that is changed, until it is put right (of ${ROUNDS} times)`)
    line(textOf('rs-agent run', sysctls, { medianMs: 10, p99Ms: 1_000 }))
    line(`\nwhen nothing happens, for ${IDLE_MS / 1000} s, with a look at everything among them`)
    line(await idleText(process.pid))
  }
  await segment.removeHost(host)
}

async function reportPeers(segment: Segment, ours: Repairs, line: (text: string) => void): Promise<void> {
  for (const { name, start, rounds } of PEERS) {
    const host = await segment.addHost('peer', '10.10.10.53/24')
    const peer = start(host)
    const bound = async () => (await host.run('ip', ['-4', 'addr', 'show', 'dev', 'lo'])).includes(VIP)
    const isBound = (async () => {
      while (!(await bound())) await sleep(50)
    })()
    const died = peer.then(({ stdout, stderr }) => {
      throw new Error(`${name} ended: ${stdout}${stderr}`)
    })
    died.catch(() => undefined)
    await Promise.race([isBound, died])
    const theirs = await repairs(host, { ...ADDRESS, rounds })
    const ratio = (ours.medianMs / theirs.medianMs).toFixed(3)
    line(`${textOf(name, theirs)}${theirs.never === rounds ? '' : `; rs-agent's median is ${ratio} x that`}`)
    peer.kill('SIGKILL')
    await peer
    await segment.removeHost(host)
  }
}

interface Peer {
  name: string
  start(host: Host): Spawned
  /** Fewer of one that takes its time. */
  rounds: number
}

const PEERS: Peer[] = [
  {
    name: 'keepalived, static',
    start: host => startPeerWith('keepalived of addresses', host, `static_ipaddress { ${VIP}/32 dev lo\n}\n`),
    rounds: ROUNDS,
  },
  {
    name: 'keepalived, VRRP',
    start: host => startPeerWith('keepalived of addresses', host, vrrpConf()),
    rounds: 20,
  },
  { name: 'systemd-networkd', start: startNetworkd, rounds: 1 },
]

function vrrpConf(): string {
  return `vrrp_instance site {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 150
  advert_int 1
  virtual_ipaddress { ${VIP}/32 dev lo
  }
}
`
}

function startNetworkd(host: Host): Spawned {
  const script = fileURLToPath(new URL('../support/networkd.sh', import.meta.url))
  const cache = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab/debian', import.meta.url))
  const alone = ['--mount', '--pid', '--fork', '--kill-child']
  return host.spawn('unshare', [...alone, 'sh', script, cache, `${VIP}/32`], { input: '' })
}

async function repairs(host: Host, trial: Trial): Promise<Repairs> {
  const program = fileURLToPath(new URL('./drift-process.ts', import.meta.url))
  const printed = await host.run(process.execPath, [program, JSON.stringify(trial)])
  const took: (number | null)[] = JSON.parse(printed)
  const sorted = took.filter(ms => ms !== null).sort((left, right) => left - right)
  const quantile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return { medianMs: quantile(0.5), p99Ms: quantile(0.99), never: took.length - sorted.length }
}

function textOf(name: string, { medianMs, p99Ms, never }: Repairs, wanted?: Omit<Repairs, 'never'>): string {
  const label = `  ${name.padEnd(20)}`
  if (Number.isNaN(medianMs)) return `${label} not within ${PATIENCE_MS / 1000} s`
  const target = (found: number, most?: number) =>
    most === undefined ? '' : `, wanted at most ${most}${found <= most ? '' : ': MISSED'}`
  const median = `median ${medianMs.toFixed(2)} ms${target(medianMs, wanted?.medianMs)}`
  const p99 = `p99 ${p99Ms.toFixed(2)} ms${target(p99Ms, wanted?.p99Ms)}`
  return `${label} ${median}; ${p99}${never === 0 ? '' : `; ${never} not within ${PATIENCE_MS / 1000} s: MISSED`}`
}

async function idleText(pid: number | undefined): Promise<string> {
  if (pid === undefined) throw new Error('the run has no process')
  const before = processorMs(pid)
  await sleep(IDLE_MS)
  const share = ((processorMs(pid) - before) / IDLE_MS) * 100
  const { resident, own } = memoryOf(pid)
  const judge = (found: number, most: number, unit: string) =>
    `${found.toFixed(unit === '%' ? 3 : 1)} ${unit}, wanted under ${most}${found < most ? '' : ': MISSED'}`
  return [
    `  processor ${judge(share, 0.1, '%')}`,
    `  memory, resident ${judge(resident / MIB, 60, 'MiB')}`,
    `  memory, its own and written to ${judge(own / MIB, 15, 'MiB')}`,
  ].join('\n')
}

/** Of all threads that live, as /proc/PID/task/TID/schedstat tells it: nanoseconds first. */
function processorMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map(
    id => readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'latin1').split(' ')[0],
  )
  return nanoseconds.reduce((sum, each) => sum + Number(each), 0) / 1e6
}

/** In bytes. */
function memoryOf(pid: number): { resident: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const bytes = (name: string) => Number(new RegExp(`^${name}: +([0-9]+) kB`, 'm').exec(text)?.[1]) * 1024
  return { resident: bytes('Rss'), own: bytes('Private_Dirty') }
}
