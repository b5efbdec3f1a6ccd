import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Neighbour } from '../../agent/model/network.ts'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { Engine } from './netlink-engine.ts'

const VIP = '10.10.10.100'
const PEER = '10.10.10.13'
const PEER6 = '2001:db8::13'
const NOBODY = '10.10.10.99'

let segment: Segment
let host: Host
let peer: Host
let engine: Engine
let eth0: number
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', '10.10.10.12/24')
  peer = await segment.addHost('peer', `${PEER}/24`)
  await host.namespace.ip(`addr add ${VIP}/32 dev lo`, 'addr add 2001:db8::12/64 dev eth0')
  await peer.namespace.ip(`addr add ${PEER6}/64 dev eth0`)
  engine = new Engine(host)
  eth0 = (await engine.links()).find(({ name }) => name === 'eth0')?.index ?? 0
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('the neighbours', () => {
  it('are those of `ip neigh`, of both families', async () => {
    await host.namespace.ip(
      'neigh add 10.10.10.21 lladdr 02:00:00:00:aa:01 dev eth0 nud permanent',
      'neigh add 10.10.10.22 lladdr 02:00:00:00:aa:02 dev eth0 nud noarp',
      'neigh add 10.10.10.23 lladdr 02:00:00:00:aa:03 dev eth0 nud stale',
      'neigh add 2001:db8::21 lladdr 02:00:00:00:aa:04 dev eth0 nud permanent',
      `neigh add proxy ${VIP} dev eth0`,
      'neigh add proxy 2001:db8::100 dev eth0',
    )
    const found = (await engine.neighbours()).filter(({ address }) => !address.startsWith('ff'))
    const by = (left: Neighbour, right: Neighbour) => (left.address < right.address ? -1 : 1)
    const link = 'eth0'
    const learnt = { link, proxy: false }
    const proxy = { link, mac: null, state: 0, proxy: true }
    expect(found.toSorted(by)).toEqual([
      { ...proxy, address: VIP },
      { ...learnt, address: '10.10.10.21', mac: '02:00:00:00:aa:01', state: 0x80 },
      { ...learnt, address: '10.10.10.22', mac: '02:00:00:00:aa:02', state: 0x40 },
      { ...learnt, address: '10.10.10.23', mac: '02:00:00:00:aa:03', state: 0x04 },
      { ...proxy, address: '2001:db8::100' },
      { ...learnt, address: '2001:db8::21', mac: '02:00:00:00:aa:04', state: 0x80 },
    ])
  })
})

describe('asking for a neighbour', () => {
  it.for([PEER, PEER6])('learns its MAC: %s', async address => {
    await engine.askNeighbour(address, eth0)
    expect(await known(host, address)).toBe(peer.mac)
  })

  it('tells the peer the address of the NIC, and not that of the VIP', async () => {
    await engine.askNeighbour(PEER, eth0)
    await known(host, PEER)
    expect(Object.keys(await neighboursOf(peer))).toEqual([host.address])
  })

  it('tells an IPv6 peer the link-local address of the NIC', async () => {
    await engine.askNeighbour(PEER6, eth0)
    await known(host, PEER6)
    expect(Object.keys(await neighboursOf(peer))).toEqual([expect.stringMatching(/^fe80::/)])
  })

  it('is under way at once, and again after it has failed', async () => {
    await engine.askNeighbour(NOBODY, eth0)
    const isIt = ({ address }: Neighbour) => address === NOBODY
    expect((await engine.neighbours()).find(isIt)).toMatchObject({ mac: null, state: 0x01 })
    // Once it has failed it can be asked again.
    await host.namespace.ip(`neigh replace ${NOBODY} dev eth0 nud failed`)
    expect((await engine.neighbours()).find(isIt)).toMatchObject({ mac: null, state: 0x20 })
    await engine.askNeighbour(NOBODY, eth0)
    expect((await engine.neighbours()).find(isIt)).toMatchObject({ mac: null, state: 0x01 })
  })

  it.for(['permanent', 'noarp'])('leaves one that somebody fixed as it is: %s', async state => {
    await host.namespace.ip(`neigh add ${PEER} lladdr 02:00:00:00:aa:01 dev eth0 nud ${state}`)
    const before = await engine.neighbours()
    await engine.askNeighbour(PEER, eth0)
    expect(await engine.neighbours()).toEqual(before)
  })

  it('is refused for a link that is not there', async () => {
    await expect(engine.askNeighbour(PEER, 77)).rejects.toThrow('ENODEV')
  })
})

/** Waits until the host knows the MAC of the address, and gives it. */
async function known(asker: Host, address: string): Promise<string> {
  for (;;) {
    const mac = (await neighboursOf(asker))[address]
    if (mac !== undefined) return mac
  }
}

/** The MACs that a host knows, as `ip` tells them. */
async function neighboursOf(asker: Host): Promise<Record<string, string>> {
  const entries: { dst: string; lladdr?: string }[] = JSON.parse(await asker.run('ip', ['-j', 'neigh']))
  return Object.fromEntries(
    entries.flatMap(({ dst, lladdr }) => (lladdr === undefined ? [] : [[dst, lladdr]])),
  )
}
