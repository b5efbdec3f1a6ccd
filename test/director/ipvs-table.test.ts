import { execFileSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { IpvsEdit } from '../../agent/host/ipvs.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { Destination, Pool, ServiceKey, VirtualService } from '../../agent/model/ipvs.ts'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import { firstLine } from '../support/first-line.ts'
import { Namespace, type Spawned } from '../support/namespace.ts'
import { IpvsEngine } from './ipvs-engine.ts'

let namespace: Namespace
let ipvs: IpvsEngine
beforeAll(async () => {
  execFileSync('modprobe', ['ip_vs'])
  namespace = await Namespace.open()
  // Clients and director are one host: its packets go through IPVS all the same, and then to nowhere.
  await namespace.ip(
    'link set lo up',
    'addr add 10.10.10.100/32 dev lo',
    'link add eth0 type dummy',
    'addr add 10.10.10.11/24 dev eth0',
    'link set eth0 up',
  )
  ipvs = new IpvsEngine(namespace)
})
afterEach(() => ipvs.edit([{ edit: 'flush' }]))
afterAll(async () => {
  expect(await ipvs.end()).toMatchObject({ exitCode: 0, stderr: '' })
  await namespace[Symbol.asyncDispose]()
})

const ip = (text: string) => text as IpAddress
const KEY: ServiceKey = { kind: 'address', protocol: 'udp', address: ip('10.10.10.100'), port: 53 }
const keyOf = (index: number): ServiceKey => ({ ...KEY, port: 1000 + index })
const serviceOf = (key: ServiceKey): VirtualService => ({
  key,
  scheduler: 'rr',
  schedulerFlags: [],
  onePacket: false,
  persistence: null,
  persistenceEngine: null,
})
const realServer = (address: string, part: Partial<Destination> = {}): Destination => ({
  address: ip(address),
  port: 53,
  forwarding: { method: 'direct-route' },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  ...part,
})
const realServersOf = (index: number, count: number) =>
  Array.from({ length: count }, (_, each) => realServer(`10.20.${index % 250}.${each + 1}`))
const poolOf = (index: number, realServers: number): Pool => ({
  service: serviceOf(keyOf(index)),
  destinations: realServersOf(index, realServers),
})
const adding = ({ service, destinations }: Pool): IpvsEdit[] => [
  { edit: 'add-service', service },
  ...destinations.map(
    (destination): IpvsEdit => ({ edit: 'add-destination', key: service.key, destination }),
  ),
]

describe('a table of 1,000 services with 10 real servers each', () => {
  const pools = Array.from({ length: 1000 }, (_, index) => poolOf(index, 10))

  it('is what was asked for, for us and for ipvsadm', async () => {
    await ipvs.edit(pools.flatMap(adding))
    const rules = ipvsadmRules(pools)
    expect(ipvsadmRules(await ipvs.table())).toBe(rules)
    expect(await namespace.run('ipvsadm', ['-Sn'])).toBe(rules.trimEnd())

    const before = await ipvs.glance()
    expect(before.split('\n').filter(line => line.includes('->'))).toHaveLength(10_000)
    const destination = { ...realServer('10.20.7.10'), weight: 5 }
    await ipvs.edit([{ edit: 'edit-destination', key: keyOf(7), destination }])
    expect(await ipvs.destinations(keyOf(7))).toContainEqual(expect.objectContaining(destination))
    expect(await ipvs.glance()).not.toBe(before)
    await ipvs.edit([{ edit: 'edit-destination', key: keyOf(7), destination: { ...destination, weight: 1 } }])
    expect(await ipvs.glance()).toBe(before)
  })
})

describe('a glance', () => {
  const changes: [string, IpvsEdit][] = [
    ['a service that comes', { edit: 'add-service', service: serviceOf(keyOf(2)) }],
    ['a service that goes', { edit: 'delete-service', key: keyOf(1) }],
    ['a scheduler', { edit: 'edit-service', service: { ...serviceOf(KEY), scheduler: 'wrr' } }],
    [
      'persistence',
      {
        edit: 'edit-service',
        service: { ...serviceOf(KEY), persistence: { timeoutSeconds: 10, netmask: ip('0.0.0.0') } },
      },
    ],
    [
      'a weight',
      { edit: 'edit-destination', key: KEY, destination: realServer('10.10.10.12', { weight: 0 }) },
    ],
    [
      'a forwarding method',
      {
        edit: 'edit-destination',
        key: KEY,
        destination: realServer('10.10.10.12', { forwarding: { method: 'masquerade' } }),
      },
    ],
    [
      'a real server that comes',
      { edit: 'add-destination', key: KEY, destination: realServer('10.10.10.13') },
    ],
    [
      'a real server that goes',
      { edit: 'delete-destination', key: KEY, destination: realServer('10.10.10.12') },
    ],
  ]
  it.each(changes)('tells of a change: %s', async (_, change) => {
    await ipvs.edit([
      ...adding({ service: serviceOf(KEY), destinations: [realServer('10.10.10.12')] }),
      { edit: 'add-service', service: serviceOf(keyOf(1)) },
    ])
    const before = await ipvs.glance()
    await ipvs.edit([change])
    expect(await ipvs.glance()).not.toBe(before)
  })

  it('does not tell of connections', async () => {
    await ipvs.edit(adding({ service: serviceOf(KEY), destinations: [realServer('10.10.10.12')] }))
    const before = await ipvs.glance()
    await ask(3, 53)
    expect(await ipvs.destinations(KEY)).toMatchObject([{ inactiveConnections: 3 }])
    expect(await ipvs.glance()).toBe(before)
  })
})

/**
 * Each test has services of its own: a real server that comes back to the same service, while the kernel remembers
 * connections to it, comes back with its counters.
 */
describe('counters', () => {
  const unused = { connections: 0, inPackets: 0, inBytes: 0, outPackets: 0, outBytes: 0 }
  /** By so many clients: an IPv4 header, a UDP header, two bytes each. */
  const used = (times: number) => ({ ...unused, connections: times, inPackets: times, inBytes: 30 * times })

  it('count what goes through, as ipvsadm tells it, and start again from 0 when told', async () => {
    const [first, second] = [keyOf(1), keyOf(2)]
    const persistence = { timeoutSeconds: 10, netmask: ip('255.255.255.255') }
    await ipvs.edit([
      ...adding({ service: serviceOf(first), destinations: [realServer('10.10.10.12')] }),
      ...adding({
        service: { ...serviceOf(second), persistence },
        destinations: [realServer('10.10.10.12')],
      }),
    ])
    await ask(5, 1001)
    await ask(2, 1002)
    await untilCounted(first, 5)
    await untilCounted(second, 2)
    expect(await ipvs.service(first)).toMatchObject({ traffic: used(5) })
    expect(await ipvs.service(second)).toMatchObject({ traffic: used(2) })
    expect(await ipvs.destinations(first)).toMatchObject([{ inactiveConnections: 5, traffic: used(5) }])
    expect(await ipvs.destinations(second)).toMatchObject([{ persistentConnections: 1, traffic: used(2) }])
    expect(await statistics()).toEqual([
      'UDP 10.10.10.100:1001 5 5 0 150 0',
      '-> 10.10.10.12:53 5 5 0 150 0',
      'UDP 10.10.10.100:1002 2 2 0 60 0',
      '-> 10.10.10.12:53 2 2 0 60 0',
    ])

    await ipvs.zero(first)
    expect(await ipvs.service(first)).toMatchObject({ traffic: unused })
    expect(await ipvs.destinations(first)).toMatchObject([{ inactiveConnections: 5, traffic: unused }])
    expect(await ipvs.service(second)).toMatchObject({ traffic: used(2) })
    await ipvs.zero()
    for (const { service, destinations } of await ipvs.table())
      for (const { traffic } of [service, ...destinations]) expect(traffic).toMatchObject(unused)
  })

  it('of a service and a real server survive their change', async () => {
    const key = keyOf(3)
    await ipvs.edit(adding({ service: serviceOf(key), destinations: [realServer('10.10.10.12')] }))
    await ask(4, 1003)
    await untilCounted(key, 4)
    await ipvs.edit([
      { edit: 'edit-service', service: { ...serviceOf(key), scheduler: 'wlc' } },
      { edit: 'edit-destination', key, destination: realServer('10.10.10.12', { weight: 7 }) },
    ])
    expect(await ipvs.service(key)).toMatchObject({ scheduler: 'wlc', traffic: used(4) })
    expect(await ipvs.destinations(key)).toMatchObject([
      { weight: 7, inactiveConnections: 4, traffic: used(4) },
    ])
  })

  /** The kernel adds its CPUs' counts up every two seconds, of one service or real server after the other. */
  async function untilCounted(key: ServiceKey, connections: number): Promise<void> {
    const counts = async () => {
      const [service, [realServer]] = await Promise.all([ipvs.service(key), ipvs.destinations(key)])
      return [service?.traffic.connections, realServer?.traffic.connections]
    }
    await expect.poll(counts, { timeout: 60_000 }).toEqual([connections, connections])
  }

  async function statistics(): Promise<string[]> {
    const text = await namespace.run('ipvsadm', ['-Ln', '--stats', '--exact'])
    return text
      .split('\n')
      .slice(3)
      .map(line => line.trim().replaceAll(/\s+/g, ' '))
  }
})

describe('while another process changes the table', () => {
  const constant = Array.from({ length: 40 }, (_, index) => poolOf(index, 3))
  const crowded = poolOf(100, 60)

  it('tells every service and real server that stays, once', async () => {
    await ipvs.edit([...constant, crowded].flatMap(adding))
    const services = Array.from({ length: 30 }, (_, index) => `-u 10.10.10.100:${2000 + index}`)
    const realServers = realServersOf(101, 20).map(({ address }) => `-u 10.10.10.100:1100 -r ${address}:1100`)
    const churn = startChurn([
      ...services.map(service => `-A ${service} -s rr`),
      ...realServers.map(destination => `-a ${destination} -g -w 1`),
      ...services.map(service => `-D ${service}`),
      ...realServers.map(destination => `-d ${destination}`),
    ])
    await firstLine(churn)
    const expected = [...constant, crowded].map(({ service, destinations }) => ({
      service: expect.objectContaining({ key: service.key }),
      destinations: expect.arrayContaining(destinations.map(each => expect.objectContaining(each))),
    }))
    for (let reading = 0; reading < 8; reading++) {
      const found = await ipvs.table()
      expect(found).toEqual(expect.arrayContaining(expected))
      for (const { destinations } of found) {
        const addresses = destinations.map(({ address }) => address)
        expect(new Set(addresses).size).toBe(addresses.length)
      }
    }
    // It was under way to the end.
    expect(churn.kill('SIGKILL')).toBe(true)
    await churn
  })
})

/** Has ipvsadm make these changes over and over, for some minutes at most, and say so after each round. */
function startChurn(rules: readonly string[]): Spawned {
  const round = 'echo "$rules" | ipvsadm -R && echo round || exit'
  const loop = `rules=$(cat); for round in $(seq 2000); do ${round}; done`
  return namespace.spawn('sh', ['-c', loop], { input: `${rules.join('\n')}\n` })
}

/** Sends that many datagrams of two bytes through IPVS, each from a port of its own. */
async function ask(times: number, port: number): Promise<void> {
  await namespace.run('bash', [
    '-ec',
    'for _ in $(seq "$0"); do echo x >"/dev/udp/10.10.10.100/$1"; done',
    `${times}`,
    `${port}`,
  ])
}
