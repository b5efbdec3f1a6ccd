import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApache } from '../support/apache.ts'
import { succeed, VIP, VIP6 } from '../support/cluster.ts'
import type { Host } from '../support/host.ts'
import { Agent, type ChangeReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences } from '../support/snapshot.ts'
import { SteadyClient } from '../support/steady-client.ts'

/** A director between two segments: clients on one, on the other a real server that knows nothing of the VIP. */
let outer: Segment
let inner: Segment
let director: Host
let agent: Agent
let visitor: SteadyClient
const RIP = '192.168.7.12'
const RIP6 = '2001:db8:7::12'

beforeAll(async () => {
  outer = await Segment.build()
  inner = await Segment.build()
  director = await outer.addHost('director', '10.10.10.11/24')
  await inner.plugIn(director, 'eth1', '192.168.7.1/24')
  await inner.plugIn(director, 'eth2', '192.168.8.1/24')
  const client = await outer.addHost('client', '10.10.10.10/24')
  const realServer = await inner.addHost('rs', `${RIP}/24`, { gateway: '192.168.7.1' })
  await director.namespace.ip(
    'addr add 2001:db8:10::11/64 dev eth0 nodad',
    'addr add 2001:db8:7::1/64 dev eth1 nodad',
  )
  await client.namespace.ip('addr add 2001:db8:10::10/64 dev eth0 nodad')
  await realServer.namespace.ip(`addr add ${RIP6}/64 dev eth0 nodad`, 'route add default via 2001:db8:7::1')
  await director.run('modprobe', ['ip_vs'])
  await startApache(realServer)
  visitor = await SteadyClient.start(client)
  agent = new Agent(director, null)
})
afterAll(async () => {
  await agent[Symbol.asyncDispose]()
  await outer[Symbol.asyncDispose]()
  await inner[Symbol.asyncDispose]()
})

const config = (vip: string, rip: string): string => `director:
  interface: eth0
  services:
    - listen: '${vip.includes(':') ? `[${vip}]` : vip}:80/tcp'
      forwarding: masquerade
      realServers: [{ address: '${rip}' }]
`

/** What the kernel rewrites on every NIC when forwarding is switched for all of them. */
async function forwarding(): Promise<string[]> {
  const text = await director.run('sh', [
    '-c',
    'grep -r --include=forwarding --include=accept_redirects "" /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf',
  ])
  return text.split('\n').sort()
}

it.each([
  ['IPv4', VIP, RIP],
  ['IPv6', VIP6, RIP6],
])('serves clients of %s, and gives back what forwards', async (_, vip, rip) => {
  // Somebody lets another NIC forward, and takes no redirects: to switch all of them would lose both.
  await director.namespace.writeSysctl('ipv4/conf/eth2/forwarding', 1)
  await director.namespace.writeSysctl('ipv4/conf/all/accept_redirects', 0)
  const [before, forwardingBefore] = [await director.snapshot(), await forwarding()]
  agent.configure(config(vip, rip))
  await succeed(agent, 'director apply')
  expect(await visitor.fetch({ address: vip }, 10)).toMatchObject({ answers: { rs: 10 }, failures: {} })
  expect((await succeed<ChangeReport>(agent, 'director apply')).changes).toEqual([])

  await succeed(agent, 'director remove')
  expect(await forwarding()).toEqual(forwardingBefore)
  expect(differences(before, await director.snapshot(), { except: ['learnedNeighbours'] })).toEqual([])
})

it('lets no other NIC forward than the one towards the real servers', async () => {
  await director.namespace.writeSysctl('ipv4/conf/eth2/forwarding', 0)
  agent.configure(config(VIP, RIP))
  await succeed(agent, 'director apply')
  const switchedOn = (await forwarding()).filter(line => /ipv4.*\/forwarding:1$/.test(line))
  expect(switchedOn).toEqual(['/proc/sys/net/ipv4/conf/eth1/forwarding:1'])
  expect((await visitor.fetch({ address: VIP }, 1)).failures).toEqual({})
  await succeed(agent, 'director remove')
})
