import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { Engine } from './netlink-engine.ts'

const VIP = '10.10.10.100'
const RIP = '10.10.10.12'
const PEER = '10.10.10.13'

let segment: Segment
let host: Host
let peer: Host
let engine: Engine
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', `${RIP}/24`)
  peer = await segment.addHost('peer', `${PEER}/24`)
  await host.namespace.ip(`addr add ${VIP}/32 dev lo`)
  engine = new Engine(host)
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('a trap of ARP requests', () => {
  it('is the rules that `nft` would make', async () => {
    await engine.layTrap(PEER, [VIP, RIP])
    const request = `arp operation request arp daddr ip ${PEER}`
    expect(await ruleset()).toEqual([
      expect.stringMatching(/^table arp rs-agent-\d+ \{/),
      'flags owner',
      'chain output {',
      'type filter hook output priority -2147483648; policy accept;',
      `${request} arp saddr ip ${VIP} counter packets 0 bytes 0 drop`,
      `${request} arp saddr ip ${RIP} counter packets 0 bytes 0 drop`,
      `${request} counter packets 0 bytes 0 drop`,
    ])
  })

  it('holds back the requests for one address, and counts their senders', async () => {
    await engine.layTrap(PEER, [VIP, RIP])
    // The kernel asks from the source of the packet while arp_announce is 0.
    await send(VIP, PEER)
    expect(await engine.trapCounts()).toEqual({
      bySender: { [VIP]: expect.any(Number), [RIP]: 0 },
      others: 0,
    })
    expect((await engine.trapCounts()).bySender[VIP]).toBeGreaterThan(0)
    expect(await peer.run('ip', ['neigh'])).toBe('')
  })

  it('counts the address of the NIC as sender with arp_announce 2', async () => {
    await host.namespace.writeSysctl('ipv4/conf/eth0/arp_announce', 2)
    await engine.layTrap(PEER, [VIP])
    await send(VIP, PEER)
    const { bySender, others } = await engine.trapCounts()
    expect(bySender).toEqual({ [VIP]: 0 })
    expect(others).toBeGreaterThan(0)
  })

  it('sees what the kernel asks on its own account', async () => {
    const nic = (await engine.links()).find(({ name }) => name === 'eth0')
    await engine.layTrap(PEER, [VIP, RIP])
    await engine.askNeighbour(PEER, nic?.index ?? 0)
    await expect.poll(async () => (await engine.trapCounts()).bySender[RIP]).toBeGreaterThan(0)
    expect(await engine.trapCounts()).toMatchObject({ bySender: { [VIP]: 0 }, others: 0 })
  })

  it('lets requests for other addresses pass', async () => {
    await engine.layTrap('10.10.10.99', [VIP, RIP])
    await send(RIP, PEER)
    await expect.poll(() => host.run('ip', ['neigh', 'show', PEER])).toContain(peer.mac)
    expect(await engine.trapCounts()).toEqual({ bySender: { [VIP]: 0, [RIP]: 0 }, others: 0 })
  })

  it('comes before the rules of others', async () => {
    await nft(
      'add table arp a',
      'add chain arp a o { type filter hook output priority -2147483648; policy drop; }',
    )
    await engine.layTrap(PEER, [VIP])
    await send(VIP, PEER)
    expect((await engine.trapCounts()).bySender[VIP]).toBeGreaterThan(0)
  })

  it('takes a thousand senders, and tells them apart', async () => {
    const senders = Array.from({ length: 1000 }, (_, index) => `10.77.${index >> 8}.${index & 255}`)
    const asking = senders[777] as string
    await host.namespace.ip(`addr add ${asking}/32 dev lo`)
    await engine.layTrap(PEER, senders)
    await send(asking, PEER)
    const { bySender, others } = await engine.trapCounts()
    expect(Object.keys(bySender)).toEqual(senders)
    expect(Object.entries(bySender).filter(([, count]) => count > 0)).toEqual([[asking, expect.any(Number)]])
    expect(others).toBe(0)
  })

  it('is gone when it is removed, and requests pass again', async () => {
    await engine.layTrap(PEER, [VIP])
    await engine.removeTrap()
    expect(await ruleset()).toEqual([])
    await send(RIP, PEER)
    await expect.poll(() => host.run('ip', ['neigh', 'show', PEER])).toContain(peer.mac)
    await engine.layTrap(PEER, [VIP])
    expect(await ruleset()).not.toEqual([])
  })

  it('is gone when its process is killed', async () => {
    await engine.layTrap(PEER, [VIP])
    await engine.kill()
    expect(await ruleset()).toEqual([])
  })

  it('is gone when its process is killed as it lays it', async () => {
    const senders = Array.from({ length: 4000 }, (_, index) => `10.77.${index >> 8}.${index & 255}`)
    void engine.layTrap(PEER, senders).catch(() => undefined)
    await expect.poll(ruleset, { interval: 1 }).not.toEqual([])
    await engine.kill()
    expect(await ruleset()).toEqual([])
  })

  it('is laid once at a time', async () => {
    await engine.layTrap(PEER, [VIP])
    await expect(engine.layTrap(PEER, [])).rejects.toMatchObject({ name: 'NoTrap' })
    expect((await engine.trapCounts()).bySender).toEqual({ [VIP]: 0 })
  })

  it('counts a sender that is named twice', async () => {
    await engine.layTrap(PEER, [VIP, VIP])
    await send(VIP, PEER)
    expect((await engine.trapCounts()).bySender).toEqual({ [VIP]: expect.toSatisfy(count => count > 0) })
  })

  it.for([
    ['2001:db8::13', VIP],
    [PEER, '2001:db8::100'],
  ] as const)('is not laid for what ARP cannot ask: %s, %s', async ([target, sender]) => {
    await expect(engine.layTrap(target, [sender])).rejects.toThrow('IPv4')
    expect(await ruleset()).toEqual([])
  })

  it('leaves the tables of others alone, and takes the place of one whose process is gone', async () => {
    const gone = (await host.run('sh', ['-c', 'echo $$'])).trim()
    const names = ['arp filter', `arp rs-agent-${process.pid}`, `ip rs-agent-${gone}`, 'arp rs-agent-x']
    await nft(...names.map(name => `add table ${name}`), `add table arp rs-agent-${gone}`)
    await engine.layTrap(PEER, [VIP])
    await engine.removeTrap()
    expect((await ruleset()).toSorted()).toEqual(names.map(name => `table ${name} {`).toSorted())
  })

  it('says that the right to lay it is missing', async () => {
    engine = new Engine(host, ['setpriv', '--bounding-set=-net_admin', '--'])
    const refusal = { name: 'NoTrap', message: 'CAP_NET_ADMIN is missing' }
    await expect(engine.layTrap(PEER, [VIP])).rejects.toMatchObject(refusal)
  })
})

describe('the filters', () => {
  const CHAINS = [
    'table inet filter',
    'chain inet filter input { type filter hook input priority 0; policy drop; }',
    'chain inet filter open { type filter hook output priority 0; }',
    'chain inet filter ingress { type filter hook ingress device eth0 priority 0; }',
    'rule inet filter ingress counter',
    'chain inet filter called',
    'rule inet filter called drop',
    'table ip6 guard',
    'chain ip6 guard early { type filter hook prerouting priority 0; policy drop; }',
    'table ip sleeping { flags dormant; }',
    'chain ip sleeping input { type filter hook input priority 0; policy drop; }',
    'table arp filter',
    'chain arp filter output { type filter hook output priority 0; }',
    'rule arp filter output drop',
    'table netdev guard',
    'chain netdev guard both { type filter hook ingress devices = { eth0, lo } priority 0; }',
    'rule netdev guard both drop',
    'table bridge lan',
    'chain bridge lan forward { type filter hook forward priority 0; policy drop; }',
  ]
  const OF_BOTH = [
    'nft netdev guard/both (hook ingress on eth0, lo, policy accept)',
    'nft bridge lan/forward (hook forward, policy drop)',
  ]

  it('are none on a host that has none', async () => {
    expect(await engine.arpFilters()).toEqual([])
    expect(await engine.packetFilters()).toEqual([])
  })

  it('are the chains that see such packets and may drop some', async () => {
    await nft(...CHAINS.map(chain => `add ${chain}`))
    expect(await engine.arpFilters()).toEqual([
      'nft arp filter/output (hook output, policy accept)',
      ...OF_BOTH,
    ])
    expect((await engine.packetFilters()).toSorted()).toEqual(
      [
        'nft inet filter/input (hook input, policy drop)',
        'nft inet filter/ingress (hook ingress on eth0, policy accept)',
        'nft ip6 guard/early (hook prerouting, policy drop)',
        ...OF_BOTH,
      ].toSorted(),
    )
  })

  it('do not name a trap', async () => {
    await engine.layTrap(PEER, [VIP])
    expect(await engine.arpFilters()).toEqual([])
  })

  it('name the tables of the older programs', async () => {
    await host.run('arptables-legacy', ['-A', 'OUTPUT', '-j', 'DROP'])
    await host.run('iptables-legacy', ['-P', 'FORWARD', 'DROP'])
    await host.run('ip6tables-legacy', ['-t', 'mangle', '-L'])
    expect(await engine.arpFilters()).toEqual(['arptables filter'])
    expect(await engine.packetFilters()).toEqual(['iptables filter', 'ip6tables mangle'])
  })

  it('cannot be told without the right to look', async () => {
    engine = new Engine(host, ['setpriv', '--bounding-set=-net_admin', '--'])
    const refusal = { name: 'AgentError', code: 'missing-capability', hint: 'needs CAP_NET_ADMIN' }
    await expect(engine.arpFilters()).rejects.toMatchObject(refusal)
    await expect(engine.packetFilters()).rejects.toMatchObject(refusal)
  })

  it('of a NIC are told by direction and kind', async () => {
    const index = async (name: string) => (await engine.links()).find(link => link.name === name)?.index ?? 0
    const eth0 = await index('eth0')
    expect(await engine.tcFilters(eth0)).toEqual([])
    const filter = ['u32', 'match', 'u32', '0', '0', 'flowid', ':1']
    await host.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
    expect(await engine.tcFilters(eth0)).toEqual([])
    await host.run('tc', ['filter', 'add', 'dev', 'eth0', 'egress', ...filter])
    expect(await engine.tcFilters(eth0)).toEqual(['egress u32'])
    await host.run('tc', ['filter', 'add', 'dev', 'eth0', 'ingress', ...filter])
    await host.run('tc', ['filter', 'add', 'dev', 'eth0', 'ingress', ...filter])
    expect(await engine.tcFilters(eth0)).toEqual(['ingress u32', 'egress u32'])
    const lo = await index('lo')
    await host.run('tc', ['qdisc', 'add', 'dev', 'lo', 'ingress'])
    await host.run('tc', ['filter', 'add', 'dev', 'lo', 'parent', 'ffff:', ...filter])
    expect(await engine.tcFilters(lo)).toEqual(['ingress u32'])
  })
})

/** Has the host ask for the MAC of an address, for a packet from one of its own. */
async function send(from: string, to: string): Promise<void> {
  const program = `const socket = require('node:dgram').createSocket('udp4')
    socket.bind(0, '${from}', () => socket.send('', 9, '${to}', () => socket.close()))`
  await host.run(process.execPath, ['-e', program])
}

/** The commands of one transaction. */
async function nft(...commands: string[]): Promise<void> {
  await host.run('nft', ['-f', '-'], { input: commands.map(command => `${command}\n`).join('') })
}

/** What `nft` tells of all tables: its lines, without what closes the braces. */
async function ruleset(): Promise<string[]> {
  const lines = (await host.run('nft', ['list', 'ruleset'])).split('\n')
  return lines.map(line => line.trim()).filter(line => line !== '' && line !== '}')
}
