import { expect, onTestFinished, test } from 'vitest'
import { leaksOf, startArpStorm } from './arp-storm.ts'
import { DirectorStandIn } from './director-stand-in.ts'
import { Segment } from './segment.ts'
import { request } from './web-client.ts'

const vip = '10.10.10.100'
const env = { VIP: vip }
const commonScript = new URL('./common-script.sh', import.meta.url).pathname

async function buildCluster() {
  const segment = await Segment.build()
  onTestFinished(() => segment[Symbol.asyncDispose]())
  const client = await segment.addHost('client', '10.10.10.10/24')
  const director = await segment.addHost('director', '10.10.10.11/24')
  const realServer = await segment.addHost('rs1', '10.10.10.12/24')
  return { client, director, realServer }
}

test('counts the replies that the common script lets out', async () => {
  const { client, realServer } = await buildCluster()
  const storm = await startArpStorm(client, vip)
  for (let round = 1; round <= 10; round++)
    for (const verb of ['start', 'stop']) await realServer.run('sh', [commonScript, verb], { env })
  const count = await storm.stop()
  expect(leaksOf(count, [realServer])).toBeGreaterThan(0)
  expect(count.dropped).toBe(0)
})

test('counts nothing when the VIP is bound only between silencing and unsilencing', async () => {
  const { client, realServer } = await buildCluster()
  const silence = ['ipv4/conf/all/arp_ignore']
  const storm = await startArpStorm(client, vip)
  for (let round = 1; round <= 10; round++) {
    await realServer.namespace.writeSysctl(silence, 1)
    await realServer.namespace.ip(`addr add ${vip}/32 dev lo`)
    await realServer.namespace.ip(`addr del ${vip}/32 dev lo`)
    await realServer.namespace.writeSysctl(silence, 0)
  }
  expect(await storm.stop()).toMatchObject({ answered: {}, announced: {}, dropped: 0 })
})

test("tells the director's answers apart from a leak", async () => {
  const { client, director, realServer } = await buildCluster()
  await DirectorStandIn.start(director, { vip, port: 80 })
  const storm = await startArpStorm(client, vip)
  const count = await storm.stop()
  expect(count.sent).toBeGreaterThan(0)
  expect(count.answered).toEqual({ [director.mac]: count.sent })
  expect(leaksOf(count, [realServer])).toBe(0)
})

test('counts a request in the name of the VIP, which steals it without a reply', async () => {
  const { client, realServer } = await buildCluster()
  await realServer.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
  await realServer.namespace.ip(`addr add ${vip}/32 dev lo`, `route add 10.10.10.77 dev eth0 src ${vip}`)
  const storm = await startArpStorm(client, vip)
  await expect(request(realServer, 'http://10.10.10.77/', { timeoutMs: 100 })).rejects.toThrow('aborted')
  const count = await storm.stop()
  expect(count).toMatchObject({ answered: {}, announced: { [realServer.mac]: expect.any(Number) } })
  expect(leaksOf(count, [realServer])).toBeGreaterThan(0)
})

test('goes on at its pace until its time limit, and every question is answered', async () => {
  const { client, director } = await buildCluster()
  await DirectorStandIn.start(director, { vip, port: 80 })
  const startedMs = performance.now()
  const storm = await startArpStorm(client, vip, { perSecond: 2000, limitMs: 1000 })
  const count = await storm.ended
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1000)
  // A busy machine sends fewer, never more; the first 40 leave before the storm is called ready.
  expect(count.sent).toBeGreaterThan(40)
  expect(count.sent).toBeLessThan(2200)
  expect(count).toMatchObject({ answered: { [director.mac]: count.sent }, dropped: 0 })
})
