import { afterAll, beforeAll, expect, it } from 'vitest'
import { PAGE_BYTES } from '../support/apache.ts'
import { Cluster, directorConfig, RIPS, succeed, VIP } from '../support/cluster.ts'
import { trafficDuring } from '../support/nic-traffic.ts'
import type { ChangeReport } from '../support/rs-agent.ts'
import type { Tally } from '../support/steady-client.ts'

/** The cluster of the guides: one director, two web servers (Apache) with the pages of an NFS server, a client. */
let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.build('shared')
  await cluster.nfs.write('index.html', 'the first edition\n')
  await cluster.nfs.write('100kB', 'x'.repeat(PAGE_BYTES))
})
afterAll(() => cluster[Symbol.asyncDispose]())

const PAGE = { address: VIP }

interface StatsReport {
  services: { service: { traffic: { connections: number; outPackets: number; inPackets: number } } }[]
}

async function apply(weights: readonly [number, number], scheduler = 'rr'): Promise<ChangeReport> {
  const { agent } = cluster.director
  const destinations = RIPS.map((address, index) => ({ address, weight: weights[index] ?? 1 }))
  agent.configure(directorConfig(destinations, { scheduler }))
  return succeed(agent, 'director apply')
}

it('serves 1,000 pages without an error while weights are changed again and again', async () => {
  const { visitor, director } = cluster
  await apply([1, 1])
  const answers = { rs1: 0, rs2: 0 }
  let fetched = 0
  for (let weight = 2; fetched < 1000; weight++) {
    const tally = await visitor.fetchDuring(PAGE, async () => {
      const { changes } = await apply([weight, weight + 1])
      expect(changes.map(({ id, action }) => [id, action])).toEqual([
        ['ipvs-pool', 'update'],
        ['ipvs-pool', 'update'],
      ])
    })
    expect(tally.failures).toEqual({})
    expect(Object.keys(tally.pages)).toEqual(['the first edition'])
    for (const name of ['rs1', 'rs2'] as const) answers[name] += tally.answers[name] ?? 0
    fetched = answers.rs1 + answers.rs2
  }
  // Round robin takes no notice of weights.
  expect(Math.abs(answers.rs1 - answers.rs2)).toBeLessThanOrEqual(1)
  const stats = async () => {
    const { services } = await succeed<StatsReport>(director.agent, 'director stats')
    return services.map(({ service }) => service.traffic)[0]
  }
  // The kernel adds its counters up every two seconds.
  await expect
    .poll(stats, { timeout: 20_000, interval: 0 })
    .toMatchObject({ connections: fetched, outPackets: 0 })
  expect((await stats())?.inPackets).toBeGreaterThan(4 * fetched)
})

it('shares pages as the weights say, and lets replies go to the client directly', async () => {
  await apply([1, 3], 'wrr')
  let tally: Tally | undefined
  const { receivedBytes, sentBytes } = await trafficDuring(cluster.director.host, async () => {
    tally = await cluster.visitor.fetch({ ...PAGE, path: '/100kB' }, 100)
  })
  expect(tally).toMatchObject({
    answers: { rs1: 25, rs2: 75 },
    failures: {},
    receivedBytes: 100 * PAGE_BYTES,
  })
  expect(receivedBytes).toBeGreaterThan(0)
  expect(receivedBytes).toBeLessThan((100 * PAGE_BYTES) / 10)
  expect(sentBytes).toBeLessThan((100 * PAGE_BYTES) / 10)
})

it('serves from all real servers what is written on the share', async () => {
  await apply([1, 1])
  const edition = async (text: string) => {
    await cluster.nfs.write('index.html', `${text}\n`)
    // NFS believes what it knows of a file for some seconds (acregmin).
    const { pages, answers, failures } = await cluster.visitor.fetch(PAGE, 2)
    expect({ answers, failures }).toEqual({ answers: { rs1: 1, rs2: 1 }, failures: {} })
    return pages
  }
  await expect
    .poll(() => edition('the second edition'), { timeout: 30_000 })
    .toEqual({ 'the second edition': 2 })
})
