import { afterAll, beforeAll, expect, it } from 'vitest'
import { leaksOf, type Storm, startArpStorm } from '../support/arp-storm.ts'
import type { Host } from '../support/host.ts'
import { IPV4, Neighbourhood } from '../support/neighbourhood.ts'
import { Agent, type VerifyReport } from '../support/rs-agent.ts'
import { differences, takeSettledSnapshot } from '../support/snapshot.ts'
import { startWebServer } from '../support/web-server.ts'

/** A cluster at its worst hour: every CPU is busy, and a neighbour asks for the VIP 2,000 times a second. */
const runs = 200
const addresses = [12, 22, 32, 42, 52, 62, 72, 82].map(last => `10.10.10.${last}`)
const config = `realServer:
  vips: [{ address: ${IPV4.vip}, ports: [80/tcp] }]
  directors: [${IPV4.director}]
  siblings: [${[IPV4.sibling, ...addresses].join(', ')}]
`

let neighbourhood: Neighbourhood
let storm: Storm
let servers: Host[]
beforeAll(async () => {
  neighbourhood = await Neighbourhood.build()
  const { segment, sibling } = neighbourhood
  servers = await Promise.all(
    addresses.map(address => segment.addHost(`rs-${address}`, `${address}/24`, { gateway: IPV4.gateway })),
  )
  await Promise.all(servers.map(server => startWebServer(server)))
  for (let cpu = 0; cpu < 2; cpu++) sibling.spawn('prlimit', ['--cpu=300', 'sh', '-c', 'while :; do :; done'])
  storm = await startArpStorm(sibling, IPV4.vip, { perSecond: 2000, limitMs: 300_000 })
})
afterAll(() => neighbourhood[Symbol.asyncDispose]())

it(`finds a healthy host healthy ${runs} times, and leaves nothing behind`, {
  timeout: 300_000,
}, async () => {
  const problems = await Promise.all(
    servers.map(server => verifyAgainAndAgain(server, runs / servers.length)),
  )
  expect(problems.flat()).toEqual([])
  const count = await storm.stop()
  expect(count.sent).toBeGreaterThan(0)
  expect(leaksOf(count, servers)).toBe(0)
})

it('lets several runs on one host look at the same time', { timeout: 300_000 }, async () => {
  const [server] = servers
  if (!server) throw new Error('there is no real server')
  await using agent = new Agent(server, config)
  expect((await agent.run(['apply'])).exitCode).toBe(0)
  // As on any host that serves. Of several that meet an unresolved one, none can know whose entry it is.
  const { mac } = neighbourhood.gateway
  await server.namespace.ip(`neigh replace ${IPV4.gateway} lladdr ${mac} dev eth0 nud stale`)
  const before = await takeSettledSnapshot(server.namespace)
  for (let round = 1; round <= 5; round++) {
    const runs = [1, 2, 3].map(() => agent.run(['verify', '--json']))
    const reports = (await Promise.all(runs)).map(run => run.json<VerifyReport>())
    expect(reports.flatMap(complaintsIn)).toEqual([])
  }
  expect(differences(before, await server.snapshot())).toEqual([])
})

async function verifyAgainAndAgain(server: Host, times: number): Promise<string[]> {
  await using agent = new Agent(server, config)
  expect((await agent.run(['apply'])).exitCode).toBe(0)
  // The gateway is not resolved yet: every run makes the kernel resolve it, and forget it again.
  const before = await takeSettledSnapshot(server.namespace)
  const problems: string[] = []
  for (let run = 1; run <= times; run++) {
    const report = (await agent.run(['verify', '--json'])).json<VerifyReport>()
    const said = complaintsIn(report)
    const residue = differences(before, await server.snapshot())
    problems.push(...[...said, ...residue].map(line => `${server.name}, run ${run}: ${line}`))
  }
  return problems
}

function complaintsIn({ verdict, checks }: VerifyReport): string[] {
  // No systemd runs in a namespace.
  const complaints = checks.filter(check => check.verdict !== 'pass' && check.id !== 'boot-persistence')
  const lines = complaints.map(check => `${check.id} ${check.subject}: ${check.verdict}: ${check.evidence}`)
  return verdict === 'pass' ? lines : [`verdict ${verdict}`, ...lines]
}
