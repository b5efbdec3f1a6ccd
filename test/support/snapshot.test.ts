import { expect, test } from 'vitest'
import type { Host } from './host.ts'
import { Segment } from './segment.ts'
import { differences, type Section } from './snapshot.ts'

test('is the same again on an idle host', async () => {
  await using segment = await Segment.build()
  const host = await segment.addHost('a', '10.10.10.12/24')
  expect(await host.snapshot()).toEqual(await host.snapshot())
})

const changes: Record<string, [Section, (host: Host) => Promise<unknown>]> = {
  'an address': ['addresses', host => host.namespace.ip('addr add 10.10.10.100/32 dev lo')],
  'a route': ['routes', host => host.namespace.ip('route add 10.10.10.100 dev lo')],
  'an IPv6 route': ['routes', host => host.namespace.ip('route add 2001:db8::77 dev lo')],
  'an IPv6 rule': ['rules', host => host.run('ip', ['-6', 'rule', 'add', 'pref', '9', 'lookup', '9'])],
  'a NIC': ['links', host => host.namespace.ip('link add left type veth peer name right')],
  'a promiscuous NIC': ['links', host => host.namespace.ip('link set eth0 promisc on')],
  'a permanent neighbour': [
    'configuredNeighbours',
    host => host.namespace.ip('neigh add 10.10.10.1 lladdr 02:00:00:00:00:09 dev eth0'),
  ],
  'a proxied neighbour': [
    'configuredNeighbours',
    host => host.namespace.ip('neigh add proxy 10.10.10.1 dev eth0'),
  ],
  'a proxied IPv6 neighbour': [
    'configuredNeighbours',
    host => host.namespace.ip('neigh add proxy 2001:db8::77 dev eth0'),
  ],
  'a learned neighbour': [
    'learnedNeighbours',
    host => host.namespace.ip('neigh add 10.10.10.1 lladdr 02:00:00:00:00:09 dev eth0 nud stale'),
  ],
  'a qdisc': ['qdiscs', host => host.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])],
  'a tc filter': ['filters', addFilter],
  'a firewall rule': ['firewall', host => host.run('nft', ['add table arp left; add chain arp left behind'])],
  'a sysctl': ['arpSysctls', host => host.namespace.writeSysctl('ipv4/conf/eth0/arp_ignore', 1)],
}

test.for(Object.entries(changes))('shows %s that was left behind', async ([, [section, change]]) => {
  await using segment = await Segment.build()
  const host = await segment.addHost('a', '10.10.10.12/24')
  const before = await host.snapshot()
  await change(host)
  const found = differences(before, await host.snapshot())
  expect(found).toContainEqual(expect.stringMatching(`^${section}: \\+ `))
  expect(differences(before, await host.snapshot(), { except: [section] })).not.toContainEqual(
    expect.stringMatching(`^${section}:`),
  )
})

async function addFilter(host: Host): Promise<void> {
  await host.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
  const matchIp = 'protocol ip u32 match u32 0 0 action mirred ingress redirect dev lo'.split(' ')
  await host.run('tc', ['filter', 'add', 'dev', 'eth0', 'ingress', ...matchIp])
}
