import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { leaksOf, type StormCount, startArpStorm } from '../support/arp-storm.ts'
import { trafficDuring } from '../support/nic-traffic.ts'
import type { VerifyReport } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'
import { request } from '../support/web-client.ts'
import { largePageBytes } from '../support/web-server.ts'
import { type Cluster, type RealServer, vip } from './cluster.ts'
import * as narrator from './narrator.ts'

const rounds = 10

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

export async function agentStaysSilent(cluster: Cluster): Promise<void> {
  const { host, agent } = cluster.rs1
  narrator.command(host.name, `for round in $(seq ${rounds}); do rs-agent apply; rs-agent remove; done`)
  const leaked = await leaksDuring(cluster, async () => {
    for (let round = 1; round <= rounds; round++)
      for (const verb of ['apply', 'remove']) {
        const { exitCode, stderr } = await agent.run([verb])
        assert.ok(exitCode === 0, `rs-agent ${verb} on rs1 failed in round ${round}: ${stderr}`)
      }
  })
  assert.ok(leaked === 0, `rs-agent let ${leaked} claims of the VIP out`)
  narrator.good('rs1 never claimed the VIP')
}

export async function bothProveTheirRole({ rs1, rs2 }: Cluster): Promise<void> {
  await show(rs1, 'apply', 0)
  await show(rs1, 'verify', 0)
  await showConclusion(rs2, 'apply', 0)
  await showConclusion(rs2, 'verify', 0)
}

export async function faultIsFound(cluster: Cluster): Promise<void> {
  const { rs2 } = cluster
  narrator.command('rs2', 'sysctl net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.eth0.arp_ignore=0')
  await rs2.host.namespace.writeSysctl(['ipv4/conf/all/arp_ignore', 'ipv4/conf/eth0/arp_ignore'], 0)
  const leaked = await leaksDuring(cluster)
  assert.ok(leaked > 0, 'rs2 stayed silent with arp_ignore=0')
  narrator.harm(`the client sees rs2 claim the VIP: ${narrator.count(leaked)} replies from ${rs2.host.mac}`)

  await show(rs2, 'verify', 2)
  const { checks } = (await rs2.agent.run(['verify', '--json'])).json<VerifyReport>()
  const failed = checks.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)
  assert.ok(failed.includes('arp-silence'), `verify does not name arp-silence but: ${failed.join(', ')}`)

  await show(rs2, 'apply', 0)
  await showConclusion(rs2, 'verify', 0)
  assert.ok((await leaksDuring(cluster)) === 0, 'rs2 still claims the VIP after apply')
}

export async function clientIsAnsweredDirectly({
  client,
  director,
  standIn,
  rs1,
  rs2,
}: Cluster): Promise<void> {
  for (const { host } of [rs1, rs2]) {
    await standIn.forwardTo(host)
    narrator.command('client', `curl http://${vip}/`)
    const { from, body } = await request(client, `http://${vip}/`)
    assert.ok(body === `${host.name}\n`, `${host.name} should have answered, not ${body}`)
    assert.ok(from === vip, `the answer came from ${from}`)
    const { receivedBytes } = await trafficDuring(director, () => request(client, `http://${vip}/large`))
    assert.ok(receivedBytes > 0, 'the request did not pass the director')
    assert.ok(receivedBytes < largePageBytes / 10, `${receivedBytes} bytes came back through the director`)
    const carried = `of a page of ${narrator.count(largePageBytes)} bytes the director carried ${narrator.count(receivedBytes)}`
    narrator.output(body)
    narrator.good(`answered from ${from}; ${carried}`)
  }
}

export async function hostIsAsBefore({ rs1, rs2 }: Cluster): Promise<void> {
  await show(rs1, 'remove', 0)
  await showConclusion(rs2, 'remove', 0)
  for (const realServer of [rs1, rs2]) {
    // What the kernel learned from the client's traffic is not rs-agent's.
    const changed = differences(realServer.before, await realServer.host.snapshot(), {
      except: ['learnedNeighbours'],
    })
    assert.ok(changed.length === 0, `${realServer.host.name} is not as before:\n${changed.join('\n')}`)
  }
  narrator.good('both hosts: NICs, addresses, routes, rules, neighbours, qdiscs and sysctls as before')
}

/** Runs a command of rs-agent, shows what it says, and fails on another exit code than announced. */
async function show(realServer: RealServer, verb: string, expected: number): Promise<void> {
  narrator.output(await run(realServer, verb, expected))
}

/** The same in one line. */
async function showConclusion(realServer: RealServer, verb: string, expected: number): Promise<void> {
  narrator.conclusion(await run(realServer, verb, expected))
}

async function run({ host, agent }: RealServer, verb: string, expected: number): Promise<string> {
  narrator.command(host.name, `rs-agent ${verb}`)
  const { exitCode, stdout, stderr } = await agent.run([verb], { env: narrator.colorsLikeOurs() })
  assert.ok(
    exitCode === expected,
    `rs-agent ${verb} on ${host.name}: exit code ${exitCode}\n${stdout}${stderr}`,
  )
  return stdout
}

/** The claims of the VIP by real servers while a client asks for it without a pause. */
async function leaksDuring({ client, director, rs1, rs2 }: Cluster, task = async () => {}): Promise<number> {
  const storm = await startArpStorm(client, vip)
  await task()
  const count = await storm.stop()
  const leaked = leaksOf(count, [rs1.host, rs2.host])
  narrator.output(summary(count, director.mac, leaked))
  assert.ok(
    count.answered[director.mac],
    'the client does not even hear the director: the count proves nothing',
  )
  assert.ok(count.dropped === 0, `${count.dropped} frames were lost: the count proves nothing`)
  return leaked
}

function summary({ sent, answered }: StormCount, directorMac: string, leaked: number): string {
  const director = narrator.count(answered[directorMac] ?? 0)
  return `${narrator.count(sent)} × who-has ${vip}: director ${director} replies, real servers ${narrator.count(leaked)}`
}
