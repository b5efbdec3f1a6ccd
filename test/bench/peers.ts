/**
 * What `director run` costs beside Debian's keepalived and ldirectord: HTTP checks of 1,000 real servers, one a second of
 * each. Needs a kernel with IPVS.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { serving } from '../support/serving.ts'
import { DIRECTOR_NAMES, type DirectorName, startDirector } from '../support/three-directors.ts'
import type { Measured, Target, Unit } from './figure.ts'
import { PageServer } from './page-server.ts'
import { costOf } from './process-cost.ts'
import { progress } from './progress.ts'
import { countOf } from './samples.ts'

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
  memoryMib: number
}

const ADDRESSES = Array.from({ length: REAL_SERVERS }, (_, index) => numbered('10.20', index))

export async function measureHealthChecks(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const farm = await segment.addHost('farm', '10.10.10.12/24')
  await farm.run('modprobe', ['-a', 'ip_vs', 'ip_vs_rr'])
  await farm.namespace.ip(...ADDRESSES.map(address => `addr add ${address}/32 dev lo`))
  const costs = {} as Record<DirectorName, Cost>
  for (const name of DIRECTOR_NAMES) {
    progress(`${name} checks`)
    costs[name] = await measureCost(segment, farm, name)
  }
  const most = (limit: number): Target => ({ of: 'ratio', bound: 'at most', limit })
  return [
    ...figuresOf(costs, { what: 'checks', unit: 'a second', of: 'checksPerSecond', targets: {} }),
    ...figuresOf(costs, {
      what: 'processor time of a check',
      unit: 'ms',
      of: 'cpuMsPerCheck',
      targets: { keepalived: most(2), ldirectord: most(0.1) },
    }),
    ...figuresOf(costs, { what: 'memory', unit: 'MiB', of: 'memoryMib', targets: {} }),
  ]
}

interface Aspect {
  what: string
  unit: Unit
  of: keyof Cost
  /** Of our ratio to a peer. */
  targets: Partial<Record<DirectorName, Target>>
}

/** Ours is told twice, once beside each peer. */
function figuresOf(costs: Record<DirectorName, Cost>, { what, unit, of, targets }: Aspect): Measured[] {
  const figure = (name: DirectorName) => countOf(`${name}, ${what}`, unit, costs[name][of])
  const fewer = { note: `ldirectord has ${REAL_SERVERS_OF_LDIRECTORD} real servers alone: it can do no more` }
  const beside = (peer: DirectorName): Measured => {
    const target = targets[peer]
    return { ...figure('rs-agent'), peer: `${peer}, ${what}`, ...(target !== undefined && { target }) }
  }
  return [
    figure('keepalived'),
    { ...figure('ldirectord'), ...(of === 'checksPerSecond' && fewer) },
    beside('keepalived'),
    beside('ldirectord'),
  ]
}

async function measureCost(segment: Segment, farm: Host, name: DirectorName): Promise<Cost> {
  const asked = name === 'ldirectord' ? ADDRESSES.slice(0, REAL_SERVERS_OF_LDIRECTORD) : ADDRESSES
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
    memoryMib: after.memoryBytes / 1024 / 1024,
  }
}

/** `10.20.0.1` and so on. */
function numbered(network: string, index: number): string {
  return `${network}.${Math.floor(index / 250)}.${1 + (index % 250)}`
}
