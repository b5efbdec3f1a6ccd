/**
 * What `director run` costs beside Debian's keepalived and ldirectord, and how soon each takes a dead real server out.
 * Runs where the kernel has IPVS; bench.ts boots a guest where this machine's has none.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Segment } from '../support/segment.ts'
import { serving } from '../support/serving.ts'
import { DIRECTOR_NAMES, type DirectorName, startDirector } from '../support/three-directors.ts'
import { PageServer } from './page-server.ts'
import { costOf } from './process-cost.ts'
import { reportRemovals } from './removals.ts'

/** Each is asked once a second. */
const REAL_SERVERS = 1_000
/** ldirectord asks one real server after the other, and starts programs for each: it gets what it can do in time. */
const REAL_SERVERS_OF_LDIRECTORD = 200
const PER_SERVICE = 10
const PACE = { intervalMs: 1_000, timeoutMs: 1_000, fall: 2 }
const SPAN_MS = 5_000
/** How often each is asked before the span begins: all are in the table then, and its code is warm. */
const ROUNDS_BEFORE = 8

interface Cost {
  checksPerSecond: number
  cpuMsPerCheck: number
  memoryBytes: number
}

await using segment = await Segment.build()
const farm = await segment.addHost('farm', '10.10.10.12/24')
await farm.run('modprobe', ['-a', 'ip_vs', 'ip_vs_rr'])
const addresses = Array.from({ length: REAL_SERVERS }, (_, index) => numbered('10.20', index))
await farm.namespace.ip(...addresses.map(address => `addr add ${address}/32 dev lo`))

const costs = new Map<DirectorName, Cost>()
line(`\nHTTP checks of ${REAL_SERVERS} real servers, one a second of each, for ${SPAN_MS / 1000} s`)
for (const name of DIRECTOR_NAMES) {
  const cost = await measureCost(name)
  costs.set(name, cost)
  report(name, cost)
}
compare('keepalived', 2)
compare('ldirectord', 0.1)
await reportRemovals(segment, line)

async function measureCost(name: DirectorName): Promise<Cost> {
  const asked = name === 'ldirectord' ? addresses.slice(0, REAL_SERVERS_OF_LDIRECTORD) : addresses
  const services = Array.from({ length: asked.length / PER_SERVICE }, (_, index) => ({
    vip: numbered('10.30', index),
    realServers: asked.slice(index * PER_SERVICE, (index + 1) * PER_SERVICE),
  }))
  const host = await segment.addHost(name, '10.10.10.11/24', { gateway: '10.10.10.12' })
  const pages = await PageServer.start(farm)
  const director = await startDirector(name, host, { ...PACE, services })
  const { pid } = director.process
  if (pid === undefined) throw new Error(`${name} has no process`)
  const warmUp = async () => {
    while (serving(host).length < asked.length) await sleep(100)
    const warmAt = (await pages.answered()) + ROUNDS_BEFORE * asked.length
    while ((await pages.answered()) < warmAt) await sleep(100)
  }
  await Promise.race([warmUp(), director.died])

  const look = async () => ({ ...costOf(pid), answered: await pages.answered(), atMs: performance.now() })
  const before = await look()
  await sleep(SPAN_MS)
  const after = await look()
  await director.end()
  pages.kill()
  await segment.removeHost(host)
  const answered = after.answered - before.answered
  return {
    checksPerSecond: (answered * 1000) / (after.atMs - before.atMs),
    cpuMsPerCheck: (after.cpuMs - before.cpuMs) / answered,
    memoryBytes: after.memoryBytes,
  }
}

/** `10.20.0.1` and so on. */
function numbered(network: string, index: number): string {
  return `${network}.${Math.floor(index / 250)}.${1 + (index % 250)}`
}

function report(name: DirectorName, { checksPerSecond, cpuMsPerCheck, memoryBytes }: Cost): void {
  const cpu = `${cpuMsPerCheck.toFixed(3)} ms of processor time for each`
  const memory = `${(memoryBytes / 1024 / 1024).toFixed(1)} MiB`
  const fewer = name === 'ldirectord' ? `, of ${REAL_SERVERS_OF_LDIRECTORD} real servers` : ''
  line(
    `  ${name.padEnd(12)} ${checksPerSecond.toFixed(0).padStart(5)} a second${fewer}: ${cpu}, memory ${memory}`,
  )
}

function compare(peer: DirectorName, wanted: number): void {
  const cpu = (name: DirectorName) => costs.get(name)?.cpuMsPerCheck ?? Number.NaN
  const ratio = cpu('rs-agent') / cpu(peer)
  line(
    `  rs-agent's is ${ratio.toFixed(2)} x that of ${peer}, wanted at most ${wanted}${ratio <= wanted ? '' : ': MISSED'}`,
  )
}

function line(text: string): void {
  process.stdout.write(`${text}\n`)
}
