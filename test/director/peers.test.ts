import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Apache, startApache } from '../support/apache.ts'
import { RIPS } from '../support/cluster.ts'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { untilServing } from '../support/serving.ts'
import { SteadyClient, type Tally } from '../support/steady-client.ts'
import { type DirectorName, type RunningDirector, startDirector } from '../support/three-directors.ts'

/**
 * Three directors before the same web servers, each with a VIP and a client of its own: rs-agent, and Debian's
 * keepalived and ldirectord, with checks at the same pace. Whatever befalls a web server befalls all three at once.
 */
const DIRECTORS = [
  { name: 'rs-agent', dip: '10.10.10.1', vip: '10.10.10.101' },
  { name: 'keepalived', dip: '10.10.10.2', vip: '10.10.10.102' },
  { name: 'ldirectord', dip: '10.10.10.3', vip: '10.10.10.103' },
] as const

const FALLBACK = '10.10.10.31'
const PACE = { intervalMs: 1_000, timeoutMs: 1_000, fall: 2 }
const FETCH_EVERY_MS = 50
/** What no client waits for. */
const LIMIT_MS = 1_000

interface Director {
  name: DirectorName
  vip: string
  host: Host
  visitor: SteadyClient
}

let segment: Segment
const servers: { host: Host; web: Apache }[] = []
const directors: Director[] = []
const running: RunningDirector[] = []

beforeAll(async () => {
  segment = await Segment.build()
  for (const [index, address] of [...RIPS, FALLBACK].entries()) {
    const host = await segment.addHost(`rs${index + 1}`, `${address}/24`)
    await host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
    await host.namespace.writeSysctl('ipv4/conf/all/arp_announce', 2)
    await host.namespace.ip(...DIRECTORS.map(({ vip }) => `addr add ${vip}/32 dev lo`))
    servers.push({ host, web: await startApache(host) })
  }
  const client = await segment.addHost('client', '10.10.10.10/24')
  for (const { name, dip, vip } of DIRECTORS) {
    const host = await segment.addHost(name, `${dip}/24`)
    await host.run('modprobe', ['ip_vs'])
    const visitor = await SteadyClient.start(client)
    directors.push({ name, vip, host, visitor })
  }
  for (const { name, host, vip } of directors)
    running.push(
      await startDirector(name, host, {
        ...PACE,
        services: [{ vip, realServers: RIPS }],
        fallback: FALLBACK,
      }),
    )
  await allServe(...RIPS)
})
afterAll(async () => {
  for (const each of running) await each.end()
  await segment[Symbol.asyncDispose]()
})

it('lets no more requests fail than keepalived or ldirectord do', async () => {
  const tallies = await talliesDuring(async () => {
    for (const [index, rip] of RIPS.entries()) {
      await outAndBack(
        rip,
        () => signal(index, 'SIGKILL'),
        () => start(index),
      )
      await outAndBack(
        rip,
        () => signal(index, 'SIGSTOP'),
        () => signal(index, 'SIGCONT'),
      )
    }
    for (const index of RIPS.keys()) signal(index, 'SIGKILL')
    await allServe(FALLBACK)
    for (const index of RIPS.keys()) await start(index)
    await allServe(...RIPS)
  })
  const failed = (name: DirectorName) => sum(tallies[name].failures)
  for (const { name } of DIRECTORS)
    process.stdout.write(
      `${name}: ${failed(name)} of ${failed(name) + sum(tallies[name].answers)} requests failed: ${JSON.stringify(tallies[name])}\n`,
    )
  for (const { name } of DIRECTORS) {
    expect(Object.keys(tallies[name].answers).sort()).toEqual(['rs1', 'rs2', 'rs3'])
    // A story in which nothing failed would compare nothing.
    expect(failed(name)).toBeGreaterThan(0)
  }
  expect(failed('rs-agent')).toBeLessThanOrEqual(failed('keepalived') + CHANCE)
  expect(failed('rs-agent')).toBeLessThanOrEqual(failed('ldirectord') + CHANCE)
})

/**
 * As many requests as an interval has: a death falls anywhere between two checks of each director, and luck makes that
 * much of a difference, over the whole story, once in thousands of runs. A director that needs an interval more for
 * each death loses three times as many.
 */
const CHANCE = PACE.intervalMs / FETCH_EVERY_MS

/** The clients of all three ask while the task runs. */
async function talliesDuring(task: () => Promise<void>): Promise<Record<DirectorName, Tally>> {
  const tallies: Partial<Record<DirectorName, Tally>> = {}
  const nested = directors.reduce(
    (inner, { name, vip, visitor }) =>
      async () => {
        const pace = { everyMs: FETCH_EVERY_MS, limitMs: LIMIT_MS }
        tallies[name] = await visitor.fetchAtPace({ address: vip }, inner, pace)
      },
    task,
  )
  await nested()
  return tallies as Record<DirectorName, Tally>
}

/** Until all three have seen it. */
async function outAndBack(rip: string, fail: () => void, mend: () => void | Promise<void>): Promise<void> {
  fail()
  await allServe(...RIPS.filter(each => each !== rip))
  await mend()
  await allServe(...RIPS)
}

async function allServe(...addresses: string[]): Promise<void> {
  const all = Promise.all(directors.map(({ host }) => untilServing(host, addresses)))
  await Promise.race([all, ...running.map(({ died }) => died)])
}

function signal(index: number, name: NodeJS.Signals): void {
  servers[index]?.web.signal(name)
}

async function start(index: number): Promise<void> {
  const server = servers[index]
  if (server === undefined) throw new Error(`there is no real server ${index}`)
  await server.web.ended
  server.web = await startApache(server.host)
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
