import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { PAGE_BYTES } from '../support/apache.ts'
import { leaksOf, type StormCount, startArpStorm } from '../support/arp-storm.ts'
import { trafficDuring } from '../support/nic-traffic.ts'
import type { VerifyReport } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'
import type { Tally } from '../support/steady-client.ts'
import { type Cluster, type Member, vip } from './cluster.ts'
import * as narrator from './narrator.ts'

const rounds = 3
const perSecond = 1000

export async function commonScriptLeaks(cluster: Cluster): Promise<void> {
  const { host } = cluster.rs1
  const script = fileURLToPath(new URL('../support/common-script.sh', import.meta.url))
  narrator.command(
    host.name,
    `for round in $(seq ${rounds}); do common-script.sh start; common-script.sh stop; done`,
  )
  const leaked = await leaksDuring(cluster, async () => {
    for (let round = 1; round <= rounds; round++)
      for (const verb of ['start', 'stop']) await host.run('sh', [script, verb], { env: { VIP: vip } })
  })
  assert.ok(leaked > 0, `the usual script leaked nothing in ${rounds} rounds: the storm proves nothing here`)
  narrator.harm(`rs1 claimed the VIP ${narrator.count(leaked)} times: each claim can take the whole site`)
}

export async function realServersAreMade(cluster: Cluster): Promise<void> {
  const { rs1, rs2 } = cluster
  const leaked = await leaksDuring(cluster, async () => {
    await show(rs1, 'apply', 0)
    await showConclusion(rs2, 'apply', 0)
  })
  assert.ok(leaked === 0, `rs-agent let ${leaked} claims of the VIP out`)
  narrator.good('both own the VIP now, and never claimed it')
}

export async function directorIsMade({ director }: Cluster): Promise<void> {
  await show(director, 'director apply', 0)
}

export async function requestsAreBalanced(cluster: Cluster): Promise<void> {
  const { director, visitor } = cluster
  const pages = 100
  narrator.command('client', `for page in $(seq ${pages}); do curl http://${vip}/100kB; done`)
  let tally: Tally | undefined
  const { receivedBytes } = await trafficDuring(director.host, async () => {
    tally = await visitor.fetch({ address: vip, path: '/100kB' }, pages)
  })
  assert.deepEqual(tally?.failures, {}, 'some pages did not come')
  const { rs1, rs2 } = tally.answers
  assert.ok(rs1 === pages / 2 && rs2 === pages / 2, `rs1 answered ${rs1} times, rs2 ${rs2} times`)
  narrator.good(`answered by rs1 ${rs1} times and by rs2 ${rs2} times: round robin, in the kernel`)
  assert.ok(receivedBytes > 0, 'the requests did not pass the director')
  assert.ok(receivedBytes < (pages * PAGE_BYTES) / 10, `${receivedBytes} bytes came through the director`)

  // The kernel adds its counters up every two seconds.
  let traffic: Traffic | undefined
  for (let tries = 0; traffic?.connections !== pages; tries++) {
    assert.ok(tries < 30, `IPVS counts ${traffic?.connections} connections`)
    traffic = await trafficOf(director)
  }
  assert.equal(traffic.outPackets, 0, 'IPVS counts packets that came back')
  await show(director, 'director stats', 0)
  const received = narrator.count(tally.receivedBytes)
  narrator.good(
    `no packet came back this way: the client got ${received} bytes, of which the director saw ${narrator.count(receivedBytes)}`,
  )
}

interface Traffic {
  connections: number
  outPackets: number
}

async function trafficOf({ agent }: Member): Promise<Traffic | undefined> {
  const finished = await agent.run(['director', 'stats', '--json'])
  const { services } = finished.json<{ services: { service: { traffic: Traffic } }[] }>()
  return services[0]?.service.traffic
}

export async function faultIsNamed(cluster: Cluster): Promise<void> {
  const { director, rs2 } = cluster
  narrator.command('rs2', `ip address del ${vip}/32 dev lo`)
  await rs2.host.namespace.ip(`addr del ${vip}/32 dev lo`)
  narrator.harm(
    'its own address still answers, and every usual check of it is green: half of the clients hang',
  )

  await show(director, 'director verify', 2)
  await expectNamed(director, 'director verify', 'real-server-path')
  await show(rs2, 'verify --only vip-bound,vip-route,datapath', 2)
  await expectNamed(rs2, 'verify', 'vip-bound')

  await showConclusion(rs2, 'apply', 0)
  await showConclusion(director, 'director verify', 0)
}

async function expectNamed({ agent }: Member, command: string, id: string): Promise<void> {
  const { checks } = (await agent.run([...command.split(' '), '--json'])).json<VerifyReport>()
  const failed = checks.filter(({ verdict }) => verdict === 'fail').map(check => check.id)
  assert.ok(failed.includes(id), `${command} does not name ${id} but: ${failed.join(', ')}`)
}

export async function hostsAreAsBefore({ director, rs1, rs2 }: Cluster): Promise<void> {
  await show(director, 'director remove', 0)
  await showConclusion(rs1, 'remove', 0)
  await showConclusion(rs2, 'remove', 0)
  for (const { host, before } of [director, rs1, rs2]) {
    // What the kernel learned from the client's traffic is not rs-agent's.
    const changed = differences(before, await host.snapshot(), { except: ['learnedNeighbours'] })
    assert.ok(changed.length === 0, `${host.name} is not as before:\n${changed.join('\n')}`)
  }
  narrator.good('all three: NICs, addresses, routes, rules, neighbours, qdiscs and sysctls as before')
}

/** Runs a command of rs-agent, shows what it says, and fails on another exit code than announced. */
async function show(member: Member, command: string, expected: number): Promise<void> {
  narrator.output(await run(member, command, expected))
}

/** The same in one line. */
async function showConclusion(member: Member, command: string, expected: number): Promise<void> {
  narrator.conclusion(await run(member, command, expected))
}

async function run({ host, agent }: Member, command: string, expected: number): Promise<string> {
  narrator.command(host.name, `rs-agent ${command}`)
  const { exitCode, stdout, stderr } = await agent.run(command.split(' '), {
    env: narrator.colorsLikeOurs(),
  })
  assert.ok(
    exitCode === expected,
    `rs-agent ${command} on ${host.name}: exit code ${exitCode}\n${stdout}${stderr}`,
  )
  return stdout
}

/** The claims of the VIP by real servers while a client asks for it without a pause. */
async function leaksDuring({ client, rs1, rs2 }: Cluster, task: () => Promise<void>): Promise<number> {
  const storm = await startArpStorm(client, vip, { perSecond })
  await task()
  const count = await storm.stop()
  assert.ok(count.sent > 100, `only ${count.sent} questions were asked: the count proves nothing`)
  assert.ok(count.dropped === 0, `${count.dropped} frames were lost: the count proves nothing`)
  const leaked = leaksOf(count, [rs1.host, rs2.host])
  narrator.output(summary(count, leaked))
  return leaked
}

function summary({ sent }: StormCount, leaked: number): string {
  return `${narrator.count(sent)} × who-has ${vip}: ${narrator.count(leaked)} replies of real servers`
}
