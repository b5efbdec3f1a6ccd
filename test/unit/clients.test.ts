import { describe, expect, it } from 'vitest'
import type { Host } from '../../agent/host/host.ts'
import { type IpAddress, type IpNetwork, parseNetwork } from '../../agent/model/address.ts'
import type { InterfaceAddress, Link, RouteAnswer, RouteQuery } from '../../agent/model/network.ts'
import type { WantedRealServer } from '../../agent/realserver/desired.ts'
import { chooseClients, type TestClient } from '../../agent/realserver/verify/clients.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

const VIP = '10.10.10.100' as IpAddress
const VIP6 = '2001:db8:10::100' as IpAddress

describe('a client is', () => {
  it.each([
    ['the address itself', '203.0.113.9', '203.0.113.9'],
    ['the 77th of a network', '172.16.0.0/12', '172.16.0.77'],
    ['the 77th, wherever the network was named', '172.31.255.9/12', '172.16.0.77'],
    ['the 77th of a /25', '172.31.7.128/25', '172.31.7.205'],
    ['the first of a small network', '172.31.7.16/28', '172.31.7.17'],
    ['one of two', '172.31.7.16/31', '172.31.7.17'],
  ])('%s', async (_, clients, expected) => {
    expect(await choose({ clients: [clients] })).toEqual([
      { address: expected, isGuess: false, name: `a client at ${expected}` },
    ])
  })

  it('one for each network, and none twice', async () => {
    const chosen = await choose({ clients: ['172.16.0.0/12', '172.16.0.0/16', '192.168.1.1'] })
    expect(chosen.map(({ address }) => address)).toEqual(['172.16.0.77', '192.168.1.1'])
  })

  it('of the family of the VIP', async () => {
    const clients = ['172.16.0.0/12', 'fd00:99::/64']
    expect((await choose({ clients })).map(({ address }) => address)).toEqual(['172.16.0.77'])
    const six = await choose({ clients, vip: VIP6 })
    expect(six.map(({ address }) => address)).toEqual(['fd00:99::4d'])
  })

  it('guessed where networks of the other family alone are named', async () => {
    expect(await choose({ clients: ['fd00:99::/64'] })).toEqual([guess('192.0.2.78')])
  })
})

describe('of a network that this host is in, a client is', () => {
  it('a known host, because any other address may be a neighbour', async () => {
    expect((await choose({ clients: ['10.10.10.0/24'] })).map(({ address }) => address)).toEqual([
      '10.10.10.11',
    ])
    const siblings = ['10.10.10.13' as IpAddress]
    const known = await choose({ clients: ['10.10.10.0/24'], wanted: { directors: [], siblings } })
    expect(known.map(({ address }) => address)).toEqual(siblings)
  })

  it('nobody, where nobody is known', async () => {
    expect(await choose({ clients: ['10.10.10.0/24'], wanted: { directors: [] } })).toEqual([])
  })

  it('an address outside of its subnet, when the network is larger', async () => {
    expect((await choose({ clients: ['10.0.0.0/8'] })).map(({ address }) => address)).toEqual(['10.0.0.77'])
  })
})

describe('where no clients are named, a client is', () => {
  it.each([
    ['IPv4', VIP, '192.0.2.78'],
    ['IPv6', VIP6, '2001:db8::78'],
  ])('a guess of documentation: %s', async (_, vip, expected) => {
    expect(await choose({ vip })).toEqual([guess(expected)])
  })

  it('the next guess, when the first is on the link or has no way', async () => {
    const onLink = address('192.0.2.1', 24)
    expect(await choose({ addresses: [onLink] })).toEqual([guess('198.51.100.78')])
    const blackhole = routesExcept({ '192.0.2.78': { kind: 'refused', code: 'EINVAL', message: 'EINVAL' } })
    expect(await choose({ lookUpRoute: blackhole })).toEqual([guess('198.51.100.78')])
    const local = routesExcept({ '192.0.2.78': { ...UNICAST, type: 2 } })
    expect(await choose({ lookUpRoute: local })).toEqual([guess('198.51.100.78')])
  })

  it('a guess too, when they may come from anywhere', async () => {
    expect(await choose({ clients: ['0.0.0.0/0'] })).toEqual([guess('192.0.2.78')])
  })

  it('nobody without a default route', async () => {
    const lookUpRoute = async () => ({ kind: 'refused', code: 'ENETUNREACH', message: '' }) as const
    expect(await choose({ lookUpRoute })).toEqual([])
  })

  it('looked for by the VRF of the NIC', async () => {
    const asked: RouteQuery[] = []
    const vrf: Link = { ...NIC, index: 9, name: 'blue', kind: 'vrf' }
    const lookUpRoute = async (query: RouteQuery) => {
      asked.push(query)
      return UNICAST
    }
    await choose({ nic: { ...NIC, master: 9 }, links: [vrf], lookUpRoute })
    await choose({ nic: { ...NIC, master: 8 }, links: [vrf], lookUpRoute })
    expect(asked).toEqual([{ destination: '192.0.2.78', leavingBy: 9 }, { destination: '192.0.2.78' }])
  })
})

const NIC: Link = {
  index: 2,
  name: 'eth0',
  mac: '02:00:00:00:01:00',
  up: true,
  carrier: true,
  loopback: false,
  arp: true,
}

const UNICAST: Extract<RouteAnswer, { kind: 'route' }> = {
  kind: 'route',
  type: 1,
  table: 254,
  link: 'eth0',
  gateway: '10.10.10.1' as IpAddress,
  source: null,
}

interface Situation {
  vip?: IpAddress
  clients?: string[]
  wanted?: Partial<WantedRealServer>
  addresses?: InterfaceAddress[]
  nic?: Link
  links?: Link[]
  lookUpRoute?: Host['network']['lookUpRoute']
}

/** On a host with 10.10.10.12/24, a default route, and a director at 10.10.10.11. */
function choose({
  vip = VIP,
  clients = [],
  wanted = {},
  addresses = [],
  nic = NIC,
  links = [],
  lookUpRoute = async () => UNICAST,
}: Situation): Promise<TestClient[]> {
  const network = { lookUpRoute } as Host['network']
  const wantedHere = wantedRealServerOf({
    vips: [vip],
    directors: ['10.10.10.11' as IpAddress],
    clients: clients.map(text => parseNetwork(text) as IpNetwork),
    ...wanted,
  })
  const found: FoundHost = {
    links: [nic, ...links],
    addresses: [address('10.10.10.12', 24), address('2001:db8:10::12', 64), ...addresses],
    routes: [],
    sysctls: {},
    files: {},
  }
  return chooseClients({ network } as Host, wantedHere, found, vip, nic)
}

function address(text: string, prefixLength: number): InterfaceAddress {
  return { link: 'eth0', address: text as IpAddress, prefixLength, scope: 0, flags: 0, secondary: false }
}

function guess(text: string): TestClient {
  return { address: text as IpAddress, isGuess: true, name: `a client at ${text}` }
}

function routesExcept(answers: Record<string, RouteAnswer>): Host['network']['lookUpRoute'] {
  return async ({ destination }) => answers[destination] ?? UNICAST
}
