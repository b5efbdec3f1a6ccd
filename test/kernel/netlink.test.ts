import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NetworkEdit } from '../../agent/host/netlink/network.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { InterfaceAddress, Route } from '../../agent/model/network.ts'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { Segment } from '../support/segment.ts'
import { Engine } from './netlink-engine.ts'

let segment: Segment
let host: Host
let engine: Engine
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', '10.10.10.12/24')
  engine = new Engine(host)
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('a refusal', () => {
  /** Explained by every kernel from 4.15 on, or by those from 6.6 on. */
  const always = (text: string) => [` (${text})`]
  const lately = (text: string) => [` (${text})`, '']
  const never = ['']
  const refusals: [name: string, edit: NetworkEdit, message: string, explanations: string[], hint: string][] =
    [
      [
        'an IPv4 prefix that cannot be',
        bind({ ...onLo('10.9.9.8'), prefixLength: 33 }),
        'cannot bind 10.9.9.8/33 to lo: EINVAL',
        lately('ipv4: Invalid prefix length'),
        'ip addr',
      ],
      [
        'an IPv6 prefix that cannot be',
        bind({ ...onLo('2001:db8::8'), prefixLength: 129 }),
        'cannot bind 2001:db8::8/129 to lo: EINVAL',
        lately('ipv6: Invalid prefix length'),
        'ip addr',
      ],
      [
        'a label of more than 15 bytes',
        bind({ ...onLo('10.9.9.8'), label: 'lo:of-sixteen-by' }),
        'cannot bind 10.9.9.8/32 to lo: ERANGE',
        always('Attribute failed policy validation'),
        'ip addr',
      ],
      [
        'an address that is there',
        bind(onLo('10.9.9.9')),
        'cannot bind 10.9.9.9/32 to lo: EEXIST',
        lately('ipv4: Address already assigned'),
        'run the command again',
      ],
      [
        'an address that is not there',
        unbind(onLo('10.9.9.8')),
        'cannot unbind 10.9.9.8/32 from lo: EADDRNOTAVAIL',
        lately('ipv4: Address not found'),
        'run the command again',
      ],
      [
        'an interface that is not there',
        bind({ ...onLo('10.9.9.8'), link: 'eth7' }),
        'cannot bind 10.9.9.8/32 to eth7: there is no interface eth7',
        never,
        'ip link',
      ],
      [
        'a route with a prefix that cannot be',
        { edit: 'add-route', route: { ...routeTo('10.9.9.8'), prefixLength: 33 } },
        'cannot route 10.9.9.8/33 to lo: EINVAL',
        always('Invalid prefix length'),
        'ip route',
      ],
      [
        'a gateway that cannot be reached',
        { edit: 'add-route', route: { ...routeTo('10.9.9.8'), gateway: '10.77.0.1' as IpAddress, scope: 0 } },
        'cannot route 10.9.9.8/32 to lo: ENETUNREACH',
        always('Nexthop has invalid gateway'),
        'ip route',
      ],
      [
        'a route through lo that is there',
        { edit: 'add-route', route: routeTo('10.9.9.9') },
        'cannot route 10.9.9.9/32 to lo: EEXIST',
        never,
        'run the command again',
      ],
      [
        'a route that is not there',
        { edit: 'delete-route', route: routeTo('10.9.9.8') },
        'cannot remove the route to 10.9.9.8/32: ESRCH',
        never,
        'run the command again',
      ],
    ]

  it.for(refusals)(
    'says what was done, the errno and why: %s',
    async ([, edit, message, explanations, hint]) => {
      await host.namespace.ip('addr add 10.9.9.9/32 dev lo', 'route add 10.9.9.9/32 dev lo')
      await expect(engine.edit([edit])).rejects.toMatchObject({
        code: 'failed',
        message: expect.toBeOneOf(explanations.map(explanation => message + explanation)),
        hint: expect.stringContaining(hint),
      })
    },
  )

  it('names the one of a long list, whose batch is done and whose later batches are not sent', async () => {
    const addresses = addressesOf(7, 300)
    const refused = 150
    await host.namespace.ip(`addr add ${addresses[refused]}/32 dev lo`)
    await expect(engine.edit(addresses.map(address => bind(onLo(address))))).rejects.toThrow(
      `cannot bind ${addresses[refused]}/32 to lo: EEXIST`,
    )
    // Batches of 128: the first is done, of the second all but the one that was there, the third not begun.
    expect(new Set(await boundTo('lo'))).toEqual(new Set(['127.0.0.1', ...addresses.slice(0, 256)]))
  })

  it('counts the others of its batch', async () => {
    const addresses = addressesOf(7, 5)
    await engine.edit(addresses.map(address => bind(onLo(address))))
    await expect(engine.edit(addresses.map(address => bind(onLo(address))))).rejects.toThrow(
      new RegExp(`cannot bind ${addresses[0]}/32 to lo: EEXIST .*\\(and 4 more\\)$`),
    )
  })
})

describe('much at once', () => {
  it('adds 10,000 addresses in one call and removes them in another', async () => {
    const addresses = addressesOf(7, 10_000)
    await engine.edit(addresses.map(address => bind(onLo(address))))
    expect((await boundTo('lo')).sort()).toEqual(['127.0.0.1', ...addresses].sort())
    await engine.edit(addresses.map(address => unbind(onLo(address))))
    expect(await boundTo('lo')).toEqual(['127.0.0.1'])
  })

  it('keeps the answers of 20 concurrent calls apart', async () => {
    const constant = addressesOf(7, 200)
    await engine.edit([
      ...constant.map(address => bind(onLo(address))),
      ...constant.map((address): NetworkEdit => ({ edit: 'add-route', route: routeTo(address) })),
    ])
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const own = addressesOf(20 + index, 150)
        const editing = engine.edit(own.map(address => bind(onLo(address))))
        // The last of them is refused: it is there twice.
        const refused = engine.edit([...own, own[index] as IpAddress].map(address => unbind(onLo(address))))
        const [addresses, routes] = [engine.addresses(), engine.routes()]
        await editing
        return {
          refusal: await refused.catch(({ message }: Error) => message),
          expected: `cannot unbind ${own[index]}/32 from lo: EADDRNOTAVAIL`,
          addresses: (await addresses).map(({ address }) => address),
          routes: (await routes).filter(({ link }) => link === 'lo').map(({ destination }) => destination),
        }
      }),
    )
    for (const { refusal, expected, addresses, routes } of outcomes) {
      expect(refusal).toContain(expected)
      expect(addresses).toEqual(expect.arrayContaining(constant))
      expect(routes.sort()).toEqual(constant.toSorted())
    }
    expect((await engine.links()).map(({ name }) => name)).toEqual(['lo', 'eth0'])
  })

  it('never gives a short dump while another process adds and deletes addresses', async () => {
    const constant = addressesOf(7, 500)
    await engine.edit(constant.map(address => bind(onLo(address))))
    const churn = startChurn(addressesOf(20, 200))
    await firstLine(churn)
    for (let dump = 0; dump < 30; dump++) {
      const found = new Set(await boundTo('lo'))
      expect(constant.filter(address => !found.has(address))).toEqual([])
    }
    // It was under way to the end.
    expect(churn.kill('SIGKILL')).toBe(true)
  })

  /**
   * Adds and deletes addresses as fast as `ip` can, for half a minute at most, and says so after each round. Their
   * scope makes the kernel put them in front of the others, where one that goes away during a dump makes it skip
   * another.
   */
  function startChurn(addresses: IpAddress[]): Spawned {
    const lines = ['add', 'del'].flatMap(verb =>
      addresses.map(address => `addr ${verb} ${address}/32 dev lo scope host`),
    )
    const round = 'echo "$changes" | ip -batch - && echo round || exit'
    const loop = `changes=$(cat); for round in $(seq 2000); do ${round}; done`
    return host.spawn('sh', ['-c', loop], { input: `${lines.join('\n')}\n` })
  }
})

describe('an overrun', () => {
  const refusals = Array(128).fill(bind(onLo('127.0.0.1')))

  it('ends the exchange, and neither the process nor the next exchange', async () => {
    await engine.links()
    await engine.call({ call: 'tune', options: { receiveBufferBytes: 1 } })
    // The links, which edit() asks for first, still fit.
    await expect(engine.edit(refusals)).rejects.toThrow('did not answer')
    expect((await engine.links()).map(({ name }) => name)).toEqual(['lo', 'eth0'])
    await expect(engine.edit(refusals)).rejects.toThrow('(and 127 more)')
  })

  it('does not come of a dump, however little room there is for it', async () => {
    const addresses = addressesOf(7, 2000)
    await engine.edit(addresses.map(address => bind(onLo(address))))
    await engine.call({ call: 'tune', options: { receiveBufferBytes: 1 } })
    expect(await boundTo('lo')).toHaveLength(2001)
    expect(await engine.sockets()).toMatchObject([{ drops: 0 }])
  })

  it('would end the process without ignoreOverrun', async () => {
    const overrun = (options: object) =>
      // No core file of it.
      host.spawn('prlimit', ['--core=0', process.execPath, overrunProgram, JSON.stringify(options)])
    const [ignored, reported] = await Promise.all([overrun({ ignoreOverrun: true }), overrun({})])
    expect(ignored.exitCode, ignored.stderr).toBe(0)
    const { asked, answered } = JSON.parse(ignored.stdout)
    expect(answered).toBeLessThan(asked)
    expect(reported.signal).toBe('SIGABRT')
  })
})

describe('after close', () => {
  const closed = 'netlink connection closed'

  it('the process ends by itself', async () => {
    await engine.links()
    await engine.close()
    expect(await engine.sockets()).toEqual([])
    expect(await engine.end()).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('an exchange works on a new socket or is refused', async () => {
    const before = await engine.links()
    await engine.close()
    const after = await engine.links().catch(({ message }: Error) => message)
    expect([before, closed]).toContainEqual(after)
    await engine.close()
    expect(await engine.end()).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('the exchange under way fails, and those that wait are settled', async () => {
    const underWay = engine.links()
    const waiting = [engine.addresses(), engine.routes(), engine.edit([bind(onLo('10.9.9.9'))])]
    const closing = engine.close()
    await expect(underWay).rejects.toThrow(closed)
    await Promise.all([closing, Promise.allSettled(waiting)])
  })

  it('those that wait do not open a socket again', async () => {
    const waiting = [engine.links(), engine.addresses(), engine.routes()]
    const closing = engine.close()
    await Promise.all([closing, Promise.allSettled(waiting)])
    expect(await engine.sockets()).toEqual([])
  })
})

it('finds no route in a namespace in which nothing was ever up, lo included', async () => {
  const untouched = new Engine(host, ['unshare', '--net'])
  expect(await untouched.routes()).toEqual([])
  expect((await untouched.links()).map(({ name, up }) => [name, up])).toEqual([['lo', false]])
  await untouched.close()
})

describe('what `ip` made, deleted and put back', () => {
  const addresses = [
    '10.20.0.1/24 dev eth0 broadcast 10.20.0.255 label eth0:1',
    '10.20.0.1/24 dev eth0',
    '10.20.0.1/24 dev eth0 broadcast 10.20.0.7 scope link metric 77',
    '10.20.0.1/32 dev lo scope host label lo:vip',
    '10.20.0.1/24 dev eth0 noprefixroute',
    '10.20.0.1 peer 10.30.0.1/24 dev eth0 scope 100',
    '10.10.10.99/24 dev eth0',
    '2001:db8::1/64 dev eth0 metric 77',
    '2001:db8::1/64 dev eth0 noprefixroute home nodad',
    '2001:db8::1/64 dev eth0 mngtmpaddr',
    '2001:db8::1 peer 2001:db8::2/128 dev eth0',
    '2001:db8::1/128 dev lo',
  ]
  it.for(addresses)('is the same address: %s', expectSameAddress)

  // A VIP that the host shall not choose for connections of its own.
  const deprecated = ['10.20.0.1/32 dev lo preferred_lft 0', '2001:db8::1/128 dev lo preferred_lft 0']
  it.for(deprecated)('is the same address: %s', expectSameAddress)

  async function expectSameAddress(line: string): Promise<void> {
    await host.namespace.ip(`addr add ${line}`)
    const before = await tables()
    const isIt = ({ address }: InterfaceAddress) => line.startsWith(address)
    const found = (await engine.addresses()).filter(isIt)
    expect(found).toHaveLength(1)
    await engine.edit(found.map(unbind))
    expect((await engine.addresses()).filter(isIt)).toEqual([])
    await engine.edit(found.map(bind))
    expect(await tables()).toEqual(before)
  }

  const routes = [
    '10.20.0.1 dev lo',
    '10.20.0.1 dev eth0 scope link proto 76',
    '10.20.0.1 via 10.10.10.1 dev eth0 src 10.10.10.12 proto static metric 77',
    '10.20.0.1 dev lo src 10.10.10.12 scope host',
    'blackhole 10.20.0.1',
    'unreachable 10.20.0.1 metric 77',
    '2001:db8:9::1 dev lo proto 76',
    '2001:db8:9::1 via 2001:db8::7 dev eth0 src 2001:db8::5 proto static metric 77',
    'blackhole 2001:db8:9::1',
  ]
  it.for(routes)('is the same host route: %s', async line => {
    await host.namespace.ip('addr add 2001:db8::5/64 dev eth0 nodad', `route add ${line}`)
    const before = await tables()
    const isIt = ({ destination }: Route) => line.includes(destination)
    const found = (await engine.routes()).filter(isIt)
    expect(found).toHaveLength(1)
    await engine.edit(found.map(route => ({ edit: 'delete-route', route })))
    expect((await engine.routes()).filter(isIt)).toEqual([])
    await engine.edit(found.map(route => ({ edit: 'add-route', route })))
    expect(await tables()).toEqual(before)
  })

  /** What `ip` tells of all addresses and routes, in its order, once no address is tentative any more. */
  async function tables(): Promise<unknown[]> {
    const commands = [['addr'], ['route', 'show', 'table', 'all'], ['-6', 'route', 'show', 'table', 'all']]
    const documents = await Promise.all(commands.map(words => host.run('ip', ['-j', '-d', ...words])))
    return documents[0]?.includes('"tentative"') ? tables() : documents.map(text => JSON.parse(text))
  }
})

describe('a route with more than its form can carry is told to be complex', () => {
  const told = [
    '10.20.0.1 nexthop via 10.10.10.1 dev eth0 nexthop via 10.10.10.2 dev eth0',
    '10.20.0.1 via inet6 2001:db8::7 dev eth0',
    '10.20.0.1 dev eth0 mtu 1400',
    '10.20.0.1 dev eth0 realm 7',
    '10.20.0.1 via 10.77.0.1 dev eth0 onlink',
    '2001:db8:9::1 dev eth0 mtu 1400',
    '2001:db8:9::1 via 2001:db8::7 dev eth0 pref high',
  ]
  it.for(told)('%s', expectComplex)

  it.for(['2001:db8:9::1 dev eth0 expires 1000'])('%s', expectComplex)

  async function expectComplex(line: string): Promise<void> {
    await host.namespace.ip('addr add 2001:db8::5/64 dev eth0 nodad', `route add ${line}`)
    const routes = (await engine.routes()).filter(({ destination }) => line.startsWith(destination))
    expect(routes).toMatchObject([{ complex: true }])
  }
})

function onLo(address: string): Omit<InterfaceAddress, 'secondary'> {
  const prefixLength = address.includes(':') ? 128 : 32
  return { link: 'lo', address: address as IpAddress, prefixLength, scope: 0, flags: 0 }
}

/** As `ip route add ADDRESS dev lo` has it: unicast, of link scope. */
function routeTo(address: string): Route {
  const { link, prefixLength } = onLo(address)
  return {
    destination: address as IpAddress,
    prefixLength,
    metric: 0,
    type: 1,
    link,
    protocol: 76,
    scope: 253,
  }
}

function bind(address: Omit<InterfaceAddress, 'secondary'>): NetworkEdit {
  return { edit: 'add-address', address }
}

function unbind(address: Omit<InterfaceAddress, 'secondary'>): NetworkEdit {
  return { edit: 'delete-address', address }
}

/** The first so many addresses of 10.NETWORK.0.0/16. */
function addressesOf(network: number, count: number): IpAddress[] {
  return Array.from(
    { length: count },
    (_, index) => `10.${network}.${index >> 8}.${index & 255}` as IpAddress,
  )
}

/** The IPv4 addresses of a link, as the engine tells them. */
async function boundTo(link: string): Promise<string[]> {
  const addresses = await engine.addresses()
  return addresses
    .filter(found => found.link === link && !found.address.includes(':'))
    .map(({ address }) => address)
}

const overrunProgram = fileURLToPath(new URL('./netlink-overrun-process.ts', import.meta.url))
