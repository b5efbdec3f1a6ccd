import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IpAddress } from '../../agent/model/address.ts'
import type { RouteQuery } from '../../agent/model/network.ts'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { Engine } from './netlink-engine.ts'

/** A real server with two NICs: clients are beyond the gateway of the first. */
const VIP = '10.10.10.100' as IpAddress
const CLIENT = '192.0.2.77' as IpAddress
const GATEWAY = '10.10.10.1'
const VIP6 = '2001:db8::100' as IpAddress
const CLIENT6 = '2001:db8:77::1' as IpAddress
const GATEWAY6 = '2001:db8:1::1'

let segment: Segment
let host: Host
let engine: Engine
let eth0: number
let eth1: number
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', '10.10.10.12/24', { gateway: GATEWAY })
  await segment.plugIn(host, 'eth1', '10.20.0.12/24')
  await host.namespace.ip(
    `addr add ${VIP}/32 dev lo`,
    `addr add ${VIP6}/128 dev lo`,
    'addr add 2001:db8:1::12/64 dev eth0',
    `route add default via ${GATEWAY6}`,
  )
  engine = new Engine(host)
  const links = await engine.links()
  const indexOf = (name: string) => links.find(link => link.name === name)?.index ?? 0
  eth0 = indexOf('eth0')
  eth1 = indexOf('eth1')
})
afterEach(() => segment[Symbol.asyncDispose]())

const toClient = () => engine.lookUpRoute({ destination: CLIENT, source: VIP })
const toClient6 = () => engine.lookUpRoute({ destination: CLIENT6, source: VIP6 })
const fromClient = (arrivingOn = eth0) => engine.lookUpRoute({ destination: VIP, source: CLIENT, arrivingOn })
const fromClient6 = () => engine.lookUpRoute({ destination: VIP6, source: CLIENT6, arrivingOn: eth0 })

describe('a packet of this host', () => {
  it('leaves by the route of its destination', async () => {
    const way = { kind: 'route', type: 1, table: 254, link: 'eth0' }
    expect(await toClient()).toEqual({ ...way, gateway: GATEWAY, source: VIP })
    expect(await toClient6()).toEqual({ ...way, gateway: GATEWAY6, source: VIP6 })
    expect(await engine.lookUpRoute({ destination: CLIENT })).toMatchObject({ source: '10.10.10.12' })
    expect(await engine.lookUpRoute({ destination: CLIENT6 })).toMatchObject({ source: '2001:db8:1::12' })
  })

  it('leaves by the rule for its ports', async () => {
    const rule = 'rule add from VIP ipproto tcp sport 80 prohibit'
    await host.namespace.ip(rule.replace('VIP', VIP))
    await host.run('ip', ['-6', ...rule.replace('VIP', VIP6).split(' ')])
    const by = (source: number) => ({ ports: { source, destination: 50_000 } })
    for (const query of [
      { destination: CLIENT, source: VIP },
      { destination: CLIENT6, source: VIP6 },
    ]) {
      expect(await engine.lookUpRoute({ ...query, ...by(80) })).toMatchObject({ code: 'EACCES' })
      expect(await engine.lookUpRoute({ ...query, ...by(443) })).toMatchObject({ link: 'eth0' })
    }
  })

  it('may have a gateway of the other family', async () => {
    await host.namespace.ip('route add 198.51.100.0/24 via inet6 2001:db8:1::7 dev eth0')
    const answer = await engine.lookUpRoute({ destination: '198.51.100.1' as IpAddress })
    expect(answer).toMatchObject({ link: 'eth0', gateway: '2001:db8:1::7', source: '10.10.10.12' })
  })

  it('is of one family', async () => {
    await expect(engine.lookUpRoute({ destination: CLIENT, source: VIP6 })).rejects.toThrow('no packet goes')
  })

  it('leaves by the link that is asked for', async () => {
    const answer = await engine.lookUpRoute({ destination: CLIENT, leavingBy: eth1 })
    expect(answer).toMatchObject({ link: 'eth1', gateway: null, source: '10.20.0.12' })
  })

  const refusals: [command: string, code: string, code6: string][] = [
    ['rule add from VIP blackhole', 'EINVAL', 'EINVAL'],
    ['rule add from VIP unreachable', 'ENETUNREACH', 'ENETUNREACH'],
    ['rule add from VIP prohibit', 'EACCES', 'EACCES'],
    ['route add blackhole CLIENT', 'EINVAL', 'EINVAL'],
    ['route add unreachable CLIENT', 'EHOSTUNREACH', 'EHOSTUNREACH'],
    ['route add prohibit CLIENT', 'EACCES', 'EACCES'],
    ['route del default', 'ENETUNREACH', 'ENETUNREACH'],
  ]
  it.for(refusals)('has no way: %s', async ([command, code, code6]) => {
    await host.namespace.ip(command.replace('VIP', VIP).replace('CLIENT', CLIENT))
    const command6 = command.replace('VIP', VIP6).replace('CLIENT', CLIENT6)
    await host.run('ip', ['-6', ...command6.split(' ')])
    expect(await toClient()).toMatchObject({ kind: 'refused', code })
    expect(await toClient6()).toMatchObject({ kind: 'refused', code: code6 })
    // What arrives is taken all the same: nobody looks at the way back.
    expect(await fromClient()).toMatchObject({ type: 2 })
    expect(await fromClient6()).toMatchObject({ type: 2 })
  })
})

describe('a packet from outside', () => {
  /** By kernels that tell rp_filter and martians apart, and by newer ones that do not. */
  const filtered = { kind: 'refused', code: expect.toBeOneOf(['EXDEV', 'EINVAL']) }
  const taken = { kind: 'route', type: 2, link: 'lo', gateway: null }

  it('for the VIP is taken in', async () => {
    expect(await fromClient()).toEqual({ ...taken, table: 254, source: CLIENT })
    expect(await fromClient6()).toEqual({ ...taken, table: 255, source: CLIENT6 })
  })

  it('is told to come of the local table once there is a rule', async () => {
    await host.namespace.ip('rule add from 198.51.100.1 lookup 100')
    expect(await fromClient()).toMatchObject({ table: 255 })
  })

  it.for([
    [0, taken],
    [1, filtered],
    [2, taken],
  ] as const)(
    'that arrives on another NIC than the way back, with rp_filter %i',
    async ([value, expected]) => {
      await host.namespace.writeSysctl('ipv4/conf/eth1/rp_filter', value)
      expect(await fromClient(eth1)).toMatchObject(expected)
    },
  )

  it.for([
    [0, taken],
    [1, filtered],
    [2, filtered],
  ] as const)('to whose sender there is no way back, with rp_filter %i', async ([value, expected]) => {
    await host.namespace.ip('route del default')
    await host.namespace.writeSysctl('ipv4/conf/eth0/rp_filter', value)
    expect(await fromClient()).toMatchObject(expected)
  })

  it.for(['127.0.0.1', '10.10.10.12', VIP, '224.0.0.1'])(
    'is a martian when it comes from %s',
    async source => {
      const query = { destination: VIP, source: source as IpAddress, arrivingOn: eth0 }
      expect(await engine.lookUpRoute(query)).toMatchObject({ kind: 'refused', code: 'EINVAL' })
    },
  )

  it('for the VIP goes nowhere, or elsewhere, by a rule before the local table', async () => {
    await host.namespace.ip(
      'rule add pref 1000 lookup local',
      'rule del pref 0',
      'rule add pref 10 iif eth0 lookup 100',
      `route add default via ${GATEWAY} dev eth0 table 100`,
    )
    expect(await fromClient()).toMatchObject({ kind: 'refused', code: 'EHOSTUNREACH' })
    await host.namespace.writeSysctl('ipv4/conf/eth0/forwarding', 1)
    expect(await fromClient()).toMatchObject({ kind: 'route', type: 1, table: 100, gateway: GATEWAY })
  })

  it.for(['blackhole', 'unreachable', 'prohibit'])('for the VIP is refused by a rule: %s', async action => {
    await host.namespace.ip(
      'rule add pref 1000 lookup local',
      'rule del pref 0',
      `rule add pref 10 to ${VIP} ${action}`,
    )
    expect(await fromClient()).toMatchObject({ kind: 'refused', code: 'EHOSTUNREACH' })
  })

  it('cannot arrive on a link that is not there', async () => {
    expect(await fromClient(77)).toMatchObject({ kind: 'refused', code: 'ENODEV' })
  })
})

describe('the answer is that of `ip route get`', () => {
  const queries: [words: string, query: RouteQuery][] = [
    [VIP, { destination: VIP }],
    [CLIENT, { destination: CLIENT }],
    ['10.10.10.77', { destination: '10.10.10.77' as IpAddress }],
    ['10.10.10.255', { destination: '10.10.10.255' as IpAddress }],
    ['224.0.0.18', { destination: '224.0.0.18' as IpAddress }],
    [VIP6, { destination: VIP6 }],
    [CLIENT6, { destination: CLIENT6 }],
    ['ff02::1', { destination: 'ff02::1' as IpAddress }],
  ]
  it.for(queries)('for %s', async ([words, query]) => {
    const [expected] = JSON.parse(await host.run('ip', ['-j', 'route', 'get', ...words.split(' ')]))
    const types: Record<number, string> = { 2: 'local', 3: 'broadcast', 5: 'multicast' }
    const answer = await engine.lookUpRoute(query)
    if (answer.kind !== 'route') throw new Error(answer.message)
    expect({
      type: types[answer.type],
      dev: answer.link,
      gateway: answer.gateway ?? undefined,
      prefsrc: answer.source,
    }).toEqual({
      type: expected.type,
      dev: expected.dev,
      gateway: expected.gateway,
      prefsrc: expected.prefsrc,
    })
  })
})

describe('the rules of `ip rule`', () => {
  const RULES = [
    'from 10.10.10.100 blackhole pref 100',
    'not from 10.10.10.100 to 10.0.0.0/8 unreachable pref 101',
    'iif eth0 oif eth7 tos 0x10 fwmark 0x10/0xff prohibit pref 102',
    'uidrange 0-10 ipproto tcp sport 80 dport 100-200 goto 32766 pref 103',
    'iif eth7 fwmark 7 l3mdev pref 104',
    'nop pref 105',
    'lookup 99 suppress_prefixlength 0 pref 106',
    'goto 40000 pref 108',
    'to 10.8.0.0/16 lookup 300 pref 109',
    'lookup default pref 40001',
  ]
  it.for([4, 6] as const)('are told in its words, IPv%i', async family => {
    const rules = RULES.map(rule =>
      family === 4
        ? rule
        : rule.replace('10.10.10.100', VIP6).replace(/10\.[08]\.0\.0\/\d+/, '2001:db8::/32'),
    )
    const batch = rules.map(rule => `rule add ${rule}\n`).join('')
    await host.run('ip', [`-${family}`, '-batch', '-'], { input: batch })
    const listing = await host.run('ip', [`-${family}`, 'rule'])
    const expected = listing.split('\n').map(line => line.trim().replaceAll(/\s+/g, ' '))
    expect((await engine.rules(family)).map(({ text }) => text)).toEqual(expected)
  })

  it('name what a check blames', async () => {
    await host.namespace.ip(
      `rule add from ${VIP} iif eth0 lookup 100 pref 7`,
      'rule add to 10.0.0.0/8 prohibit pref 8',
    )
    expect(await engine.rules(4)).toMatchObject([
      {
        priority: 0,
        action: 1,
        table: 255,
        source: null,
        destination: null,
        arrivingOn: null,
        leavingBy: null,
      },
      { priority: 7, action: 1, table: 100, source: { address: VIP, prefixLength: 32 }, arrivingOn: 'eth0' },
      { priority: 8, action: 8, table: 0, destination: { address: '10.0.0.0', prefixLength: 8 } },
      { priority: 32766, table: 254 },
      { priority: 32767, table: 253 },
    ])
  })

  it('say when they hold more than the words', async () => {
    await host.namespace.ip('rule add tun_id 7 lookup 300 pref 7')
    expect((await engine.rules(4))[1]?.text).toBe('7: from all lookup 300 …')
  })
})
