import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import type { Heard, MonitorCall, MonitorTold } from './network-monitor-process.ts'
import { SpokenProcess } from './spoken-process.ts'

const VIP = '10.10.10.100'
const PATIENCE = { timeout: 10_000 }

let segment: Segment
let host: Host
let monitor: SpokenProcess<MonitorCall, MonitorTold>
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', '10.10.10.12/24')
  monitor = new SpokenProcess(host, './network-monitor-process.ts')
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('hears of', () => {
  beforeEach(() => monitor.ask({ call: 'open', mode: 'tell' }))

  it.for([
    [VIP, 32],
    ['2001:db8::100', 128],
  ] as const)('an address that comes and goes: %s', async ([address, prefixLength]) => {
    const commands = ['add', 'del'].map(verb => `addr ${verb} ${address}/${prefixLength} dev lo`)
    await host.namespace.ip(...commands)
    const told = { address: { address, prefixLength, link: 'lo' }, linkIndex: 1 }
    await expectToHear({ kind: 'address-added', ...told }, { kind: 'address-gone', ...told })
  })

  it.for([VIP, '2001:db8::100'])('a route that comes and goes: %s', async destination => {
    await host.namespace.ip(...['add', 'del'].map(verb => `route ${verb} ${destination} dev lo proto 76`))
    const route = { destination, link: 'lo', protocol: 76 }
    await expectToHear({ kind: 'route-added', route }, { kind: 'route-gone', route })
  })

  it('no route of another table, such as comes with every address', async () => {
    await host.namespace.ip(
      `addr add ${VIP}/32 dev lo`,
      `route add ${VIP} dev lo table 77`,
      `route add ${VIP} dev lo table 1000`,
      'route add 10.20.0.1 dev lo',
    )
    await expectToHear({ kind: 'route-added', route: { destination: '10.20.0.1' } })
    expect(monitor.told.filter(({ kind }) => kind === 'route-added')).toHaveLength(1)
  })

  it('a NIC that appears, gets an address, goes down, is renamed and disappears', async () => {
    await segment.plugIn(host, 'eth1', '10.10.10.13/24')
    await host.namespace.ip('link set eth1 down', 'link set eth1 name wan0')
    await host.namespace.ip('addr add 10.9.9.9/32 dev wan0', 'link del wan0')
    await expectToHear(
      { kind: 'link-changed', link: { name: 'eth1', up: false, arp: true, kind: 'veth' } },
      { kind: 'address-added', address: { address: '10.10.10.13', link: 'eth1' } },
      { kind: 'link-changed', link: { name: 'eth1', up: true } },
      { kind: 'link-changed', link: { name: 'eth1', up: false } },
      { kind: 'link-changed', link: { name: 'wan0' } },
      { kind: 'address-added', address: { address: '10.9.9.9', link: 'wan0' } },
      { kind: 'address-gone', address: { address: '10.9.9.9', link: 'wan0' } },
      { kind: 'link-gone', link: { name: 'wan0' } },
    )
  })

  it('a port that leaves a bridge as of a link that is still there', async () => {
    await host.namespace.ip('link add br0 type bridge', 'link set eth0 master br0', 'link set eth0 nomaster')
    await host.namespace.ip('link del br0')
    await expectToHear(
      { kind: 'link-changed', link: { name: 'eth0', master: expect.any(Number) } },
      { kind: 'link-gone', link: { name: 'br0' } },
    )
    const gone = monitor.told.filter(({ kind }) => kind === 'link-gone')
    expect(gone).toMatchObject([{ link: { name: 'br0' } }])
  })

  it('an address by the name of a NIC that was there before', async () => {
    await host.namespace.ip('addr add 10.9.9.9/32 dev eth0')
    await expectToHear({ kind: 'address-added', address: { address: '10.9.9.9' } })
    // At the very first it may be `if2`.
    await vi.waitFor(async () => {
      await host.namespace.ip('addr add 10.9.9.10/32 dev eth0', 'addr del 10.9.9.10/32 dev eth0')
      const told = { kind: 'address-gone', address: { address: '10.9.9.10', link: 'eth0' } }
      expect(monitor.told.some(each => isLike(each, told))).toBe(true)
    }, PATIENCE)
  })

  it('lo going down by the address that IPv6 loses, and not by the IPv4 route that goes', async () => {
    await host.namespace.ip(
      `addr add ${VIP}/32 dev lo`,
      `route add ${VIP} dev lo`,
      'addr add 2001:db8::100/128 dev lo',
      'link set lo down',
      'addr add 10.9.9.9/32 dev lo',
    )
    expect(await host.run('ip', ['route', 'show', VIP])).toBe('')
    await expectToHear(
      { kind: 'link-changed', link: { name: 'lo', up: false } },
      { kind: 'address-added', address: { address: '10.9.9.9' } },
    )
    await expectToHear({ kind: 'address-gone', address: { address: '2001:db8::100' } })
    expect(monitor.told.some(told => isLike(told, { kind: 'route-gone', route: { destination: VIP } }))).toBe(
      false,
    )
  })
})

describe('a burst while the process is stopped', () => {
  const CHANGES = 100_000

  it('is heard of or counted as lost, and soon worked off', async () => {
    await monitor.ask({ call: 'open', mode: 'count' })
    const tookMs = await burst(CHANGES)
    const { [VIP]: heard = 0 } = await monitor.ask<Heard>({ call: 'heard' })
    const lost = await monitor.ask<number>({ call: 'takeLost' })
    // Twice as many messages: each address brings a route of the table of what is local.
    expect(heard).toBeGreaterThan(CHANGES / 10)
    if (heard < CHANGES) expect(lost).toBeGreaterThanOrEqual(CHANGES - heard)
    // Some 10 µs for each that the receive buffer holds, and much patience.
    expect(tookMs).toBeLessThan(10_000)
    expect(await monitor.ask({ call: 'takeLost' })).toBe(0)
    expect(monitor.told).toEqual([])
  })

  it('of which the most is lost leaves a monitor that hears, and knows new names', async () => {
    await monitor.ask({ call: 'open', mode: 'tell', receiveBufferBytes: 1 })
    expect(await monitor.ask({ call: 'takeLost' })).toBe(0)
    await whileStopped([...flapping(1000), 'link set eth0 down', 'link set eth0 name wan0'])
    expect(await monitor.ask({ call: 'takeLost' })).toBeGreaterThan(1000)
    await vi.waitFor(async () => {
      await host.namespace.ip('addr add 10.9.9.9/32 dev wan0', 'addr del 10.9.9.9/32 dev wan0')
      const told = { kind: 'address-gone', address: { address: '10.9.9.9', link: 'wan0' } }
      expect(monitor.told.some(each => isLike(each, told))).toBe(true)
    }, PATIENCE)
    expect(monitor.told.filter(({ kind }) => kind === 'failed')).toEqual([])
  })

  /** Resolves when the process, let go again, hears what happens then; with how long that took, in milliseconds. */
  async function burst(changes: number): Promise<number> {
    await whileStopped(flapping(changes))
    const startedAt = performance.now()
    const mark = '10.9.9.9'
    // One that finds the buffer still full is lost, too.
    while (!(mark in (await monitor.ask<Heard>({ call: 'heard' }))))
      await host.namespace.ip(`addr add ${mark}/32 dev lo`, `addr del ${mark}/32 dev lo`)
    return performance.now() - startedAt
  }

  async function whileStopped(commands: string[]): Promise<void> {
    monitor.signal('SIGSTOP')
    await host.namespace.ip(...commands)
    monitor.signal('SIGCONT')
  }

  function flapping(changes: number): string[] {
    const pair = ['add', 'del'].map(verb => `addr ${verb} ${VIP}/32 dev lo`)
    return Array.from({ length: changes / 2 }, () => pair).flat()
  }
})

it('lets the process end once it is closed', async () => {
  await monitor.ask({ call: 'open', mode: 'tell' })
  await monitor.ask({ call: 'close' })
  expect(await monitor.end()).toMatchObject({ exitCode: 0, stderr: '' })
})

/** In this order, whatever else is heard between them. */
async function expectToHear(...changes: object[]): Promise<void> {
  await vi.waitFor(() => {
    let heard = monitor.told
    for (const change of changes) {
      const at = heard.findIndex(told => isLike(told, change))
      if (at < 0) expect(heard).toContainEqual(change)
      heard = heard.slice(at + 1)
    }
  }, PATIENCE)
}

function isLike(told: object, wanted: object): boolean {
  try {
    expect(told).toMatchObject(wanted)
    return true
  } catch {
    return false
  }
}
