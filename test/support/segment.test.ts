import { expect, test } from 'vitest'
import { Segment } from './segment.ts'
import { request } from './web-client.ts'
import { startWebServer } from './web-server.ts'

/** Each way to hold an address, as a host sets it up and the address to ask there. */
const nics = {
  'a NIC with a dot in its name': async (segment: Segment) => {
    const host = await segment.addHost('server', '10.10.10.12/24', { nic: 'eth0.100' })
    return { host, address: host.address }
  },
  'a second NIC': async (segment: Segment) => {
    const host = await segment.addHost('server', '10.10.11.12/24')
    await segment.plugIn(host, 'eth1', '10.10.10.22/24')
    return { host, address: '10.10.10.22' }
  },
  'a macvlan NIC': async (segment: Segment) => {
    const host = await segment.addHost('server', '10.10.11.12/24')
    await host.addMacvlan('mac0', 'eth0', '10.10.10.22/24')
    return { host, address: '10.10.10.22' }
  },
  'a bridge of its own': async (segment: Segment) => {
    const host = await segment.addHost('server', '10.10.10.12/24')
    await host.moveAddressToBridge('br0', '10.10.10.12/24')
    return { host, address: host.address }
  },
}

test.for(Object.entries(nics))('reaches a host by %s', async ([, addServer]) => {
  await using segment = await Segment.build()
  const client = await segment.addHost('client', '10.10.10.10/24')
  const { host, address } = await addServer(segment)
  await startWebServer(host)
  expect(await request(client, `http://${address}/`)).toEqual({
    status: 200,
    from: address,
    body: 'server\n',
  })
})

test('gives every NIC a MAC of its own, and knows it', async () => {
  await using segment = await Segment.build()
  const hosts = await Promise.all([
    segment.addHost('a', '10.10.10.12/24'),
    segment.addHost('b', '10.10.10.13/24'),
  ])
  await segment.plugIn(hosts[0], 'eth1')
  for (const host of hosts) {
    const links = JSON.parse(await host.run('ip', ['-j', 'link']))
    const macs = links.slice(1).map(({ address }: { address: string }) => address)
    expect(host.nics.map(({ mac }) => mac)).toEqual(macs)
  }
  expect(new Set(hosts.flatMap(host => host.nics.map(({ mac }) => mac)))).toHaveLength(3)
})

test('starts every host with silent defaults off, whatever the machine has', async () => {
  await using segment = await Segment.build()
  const host = await segment.addHost('a', '10.10.10.12/24')
  const { arpSysctls } = await host.snapshot()
  expect(new Set(Object.values(arpSysctls))).toEqual(new Set(['0']))
})
