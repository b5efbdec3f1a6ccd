import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProbeReport } from '../../agent/report/probe.ts'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import { Agent, type ErrorReport, type RunOptions } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences, takeSettledSnapshot } from '../support/snapshot.ts'

const VIP = '10.10.10.100'
const VIP6 = '2001:db8:10::100'
const DIRECTOR = '10.10.10.11'
const SIBLING = '10.10.10.13'
const CONFIG = `realServer:
  vips: [{ address: ${VIP} }]
  directors: [${DIRECTOR}]
  siblings: [${SIBLING}]
`

describe.concurrent('probe tells by name that', () => {
  it('the director alone answers, asked from a real server', async () => {
    await using site = await Site.build()
    const { director, laptop } = site
    await own(director)
    const { exitCode, report, text } = await site.probe(laptop, [VIP], CONFIG)
    expect(exitCode).toBe(0)
    expect(report).toEqual({
      vip: VIP,
      nic: 'eth0',
      target: null,
      verdict: 'as expected',
      owners: [
        {
          mac: director.mac,
          role: 'director',
          addresses: [DIRECTOR],
          latencyMs: expect.any(Number),
          answers: expect.any(Number),
        },
      ],
      directors: [DIRECTOR],
      alive: [DIRECTOR, SIBLING],
    })
    expect(text).toContain(`director ${DIRECTOR} (${director.mac}): answered`)
    expect(text).toContain(`only director ${DIRECTOR} answers for ${VIP} on eth0`)
  })

  it('a sibling takes the VIP beside the director', async () => {
    await using site = await Site.build()
    const { director, sibling, laptop } = site
    await own(director)
    await sibling.namespace.ip(`addr add ${VIP}/32 dev lo`)
    const { exitCode, report, text } = await site.probe(laptop, [VIP], CONFIG)
    expect([exitCode, report.verdict]).toEqual([2, 'others'])
    expect(rolesOf(report)).toEqual([
      ['director', director.mac, DIRECTOR],
      ['sibling', sibling.mac, SIBLING],
    ])
    expect(text).toMatch(new RegExp(`ok +director ${DIRECTOR}`))
    expect(text).toMatch(new RegExp(`FAIL sibling ${SIBLING}`))
  })

  it('a stranger has it, whom nobody knows', async () => {
    await using site = await Site.build()
    const stranger = await site.segment.addHost('stranger', '10.10.10.66/24')
    await own(stranger)
    const { exitCode, report, text } = await site.probe(site.laptop, [VIP], CONFIG)
    expect(exitCode).toBe(2)
    expect(rolesOf(report)).toEqual([['stranger', stranger.mac, undefined]])
    expect(text).toContain(`stranger ${stranger.mac} answers for ${VIP} on eth0`)
  })

  it('a stranger has it, by the address that this host has learned of it', async () => {
    await using site = await Site.build()
    const stranger = await site.segment.addHost('stranger', '10.10.10.66/24')
    await own(stranger)
    await site.laptop.namespace.ip(`neigh add 10.10.10.66 lladdr ${stranger.mac} dev eth0 nud stale`)
    const { report } = await site.probe(site.laptop, [VIP], CONFIG)
    expect(rolesOf(report)).toEqual([['stranger', stranger.mac, '10.10.10.66']])
  })

  it('two directors are master at a time', async () => {
    await using site = await Site.build()
    const second = await site.segment.addHost('director2', '10.10.10.14/24')
    await own(site.director)
    await own(second)
    const { exitCode, report, text } = await site.probe(site.laptop, [
      '--director',
      `${DIRECTOR}, 10.10.10.14`,
      VIP,
    ])
    expect([exitCode, report.verdict]).toEqual([2, 'others'])
    expect(rolesOf(report)).toEqual([
      ['director', site.director.mac, DIRECTOR],
      ['director', second.mac, '10.10.10.14'],
    ])
    expect(text).not.toContain('ok ')
    expect(text).toMatch(/: director \S+ and director \S+ answer for /)
  })

  it('a VRRP router has it, by the number in its virtual MAC', async () => {
    await using site = await Site.build()
    const { director } = site
    await director.namespace.ip('link set eth0 address 00:00:5e:00:01:33')
    await own(director)
    const { exitCode, report, text } = await site.probe(site.laptop, ['--director', '10.10.10.9', VIP])
    expect([exitCode, report.verdict]).toEqual([0, 'as expected'])
    expect(rolesOf(report)).toEqual([['director', '00:00:5e:00:01:33', undefined]])
    expect(text).toContain('VRRP router 51 (00:00:5e:00:01:33): answered')
  })

  it('this host itself has it on its NIC, where it is not the director', async () => {
    await using site = await Site.build()
    await own(site.director)
    await own(site.sibling)
    const { exitCode, report, text } = await site.probe(site.sibling, [VIP], CONFIG)
    expect([exitCode, report.verdict]).toEqual([2, 'others'])
    expect(rolesOf(report)).toEqual([
      ['director', site.director.mac, DIRECTOR],
      ['this host', site.sibling.mac, SIBLING],
    ])
    expect(text).toMatch(/FAIL this host 10\.10\.10\.13 .*: has it on a NIC/)
  })

  it('this host is the director that has it', async () => {
    await using site = await Site.build()
    await own(site.director)
    const { exitCode, report } = await site.probe(site.director, [VIP], CONFIG)
    expect([exitCode, report.verdict]).toEqual([0, 'as expected'])
    expect(rolesOf(report)).toEqual([['director', site.director.mac, DIRECTOR]])
  })

  it('a sibling steals it, asked from the director', async () => {
    await using site = await Site.build()
    const { director, sibling } = site
    await own(director)
    await sibling.namespace.ip(`addr add ${VIP}/32 dev lo`)
    const { exitCode, report } = await site.probe(director, [VIP], CONFIG)
    expect(exitCode).toBe(2)
    expect(rolesOf(report).map(([role]) => role)).toEqual(['director', 'sibling'])
  })

  it('nobody has it, while the director is there', async () => {
    await using site = await Site.build()
    const { exitCode, report, text } = await site.probe(site.laptop, [VIP], CONFIG)
    expect([exitCode, report.verdict, report.owners]).toEqual([3, 'nobody', []])
    expect(text).toContain(`nobody answers for ${VIP} on eth0; ${DIRECTOR} is there`)
  })
})

describe.concurrent('probe from a laptop without any configuration', () => {
  it('takes any one host for right, and says so', async () => {
    await using site = await Site.build()
    await own(site.director)
    const { exitCode, report, text } = await site.probe(site.laptop, [VIP])
    expect([exitCode, report.verdict, report.directors]).toEqual([0, 'as expected', []])
    expect(text).toContain('no directors are configured')
  })

  it('tells two owners from one', async () => {
    await using site = await Site.build()
    await own(site.director)
    await own(site.sibling)
    const { exitCode, report } = await site.probe(site.laptop, [VIP])
    expect([exitCode, report.owners.length]).toEqual([2, 2])
  })

  it('compares with whom --director names', async () => {
    await using site = await Site.build()
    await own(site.director)
    const right = await site.probe(site.laptop, ['--director', `${DIRECTOR},${DIRECTOR}`, VIP])
    expect([right.exitCode, right.report.owners[0]?.role]).toEqual([0, 'director'])
    expect(right.report.owners[0]?.addresses).toEqual([DIRECTOR])
    const wrong = await site.probe(site.laptop, ['--director', '10.10.10.9', VIP])
    expect([wrong.exitCode, wrong.report.owners[0]?.role]).toEqual([2, 'stranger'])
  })

  it('finds a director that answers only senders of its own subnet', async () => {
    await using site = await Site.build()
    await site.director.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 2)
    await own(site.director)
    const { exitCode, report } = await site.probe(site.laptop, [VIP])
    expect(exitCode).toBe(0)
    expect(rolesOf(report)).toEqual([['stranger', site.director.mac, undefined]])
  })

  it('asks on the NIC whose subnet holds the VIP, or on the one that --interface names', async () => {
    await using site = await Site.build()
    const { laptop, segment } = site
    await own(site.director)
    await segment.plugIn(laptop, 'eth1', '192.168.1.2/24')
    expect((await site.probe(laptop, [VIP])).report.nic).toBe('eth0')
    const named = await site.probe(laptop, ['--interface', 'eth1', VIP])
    expect([named.exitCode, named.report.nic]).toEqual([0, 'eth1'])
  })
})

describe.concurrent('probe --target', () => {
  it('sees that a real server is silent, though the director has the VIP', async () => {
    await using site = await Site.build()
    await own(site.director)
    const { exitCode, report, text } = await site.probe(site.laptop, ['--target', SIBLING, VIP])
    expect(exitCode).toBe(0)
    expect(report).toMatchObject({
      target: SIBLING,
      verdict: 'as expected',
      owners: [],
      alive: [SIBLING],
    })
    expect(text).toContain(`${SIBLING} is silent about ${VIP}`)
  })

  it('sees that a real server leaks', async () => {
    await using site = await Site.build()
    await site.sibling.namespace.ip(`addr add ${VIP}/32 dev lo`)
    const { exitCode, report, text } = await site.probe(site.laptop, ['--target', SIBLING, VIP], CONFIG)
    expect([exitCode, report.verdict]).toEqual([2, 'others'])
    expect(rolesOf(report)).toEqual([['sibling', site.sibling.mac, SIBLING]])
    expect(text).toContain(`${SIBLING} answers for ${VIP}`)
  })

  it('does not take the gratuitous replies of the director for an answer of the one that is asked', async () => {
    await using site = await Site.build()
    await own(site.director)
    await announceAllTheTime(site.director)
    const { exitCode, report } = await site.probe(site.laptop, ['--target', SIBLING, VIP], CONFIG)
    expect([exitCode, report.owners]).toEqual([0, []])
  })

  it('does not call a host silent that is not there', async () => {
    await using site = await Site.build()
    const { exitCode, report, text } = await site.probe(site.laptop, ['--target', '10.10.10.77', VIP])
    expect([exitCode, report.verdict, report.alive]).toEqual([3, 'nobody', []])
    expect(text).toContain('10.10.10.77 does not answer on eth0, not even for its own address')
  })

  it('wants the director to answer', async () => {
    await using site = await Site.build()
    const silent = await site.probe(site.laptop, ['--target', DIRECTOR, VIP], CONFIG)
    expect([silent.exitCode, silent.report.verdict]).toEqual([2, 'others'])
    await own(site.director)
    const answering = await site.probe(site.laptop, ['--target', DIRECTOR, VIP], CONFIG)
    expect([answering.exitCode, answering.report.verdict]).toEqual([0, 'as expected'])
  })

  it('cannot be this host, which does not hear its own question', async () => {
    await using site = await Site.build()
    const error = await site.refusal(site.sibling, ['--target', SIBLING, VIP], 64)
    expect(error).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('this host'),
      hint: expect.stringContaining('rs-agent verify'),
    })
  })
})

describe.concurrent('probe of an IPv6 VIP', () => {
  it('names the director, and a sibling that has the VIP on its NIC', async () => {
    await using site = await Site.build()
    const { director, sibling, laptop } = site
    await addIpv6(director, `${DIRECTOR6}/64`, `${VIP6}/128`)
    await addIpv6(sibling, `${SIBLING6}/64`)
    await addIpv6(laptop, '2001:db8:10::1/64')
    const alone = await site.probe(laptop, [VIP6], CONFIG6)
    expect([alone.exitCode, alone.report.verdict]).toEqual([0, 'as expected'])
    expect(rolesOf(alone.report)).toEqual([['director', director.mac, DIRECTOR6]])
    expect((await site.probe(laptop, ['--target', SIBLING6, VIP6], CONFIG6)).exitCode).toBe(0)

    await addIpv6(sibling, `${VIP6}/128`)
    const both = await site.probe(laptop, [VIP6], CONFIG6)
    expect(both.exitCode).toBe(2)
    expect(rolesOf(both.report)).toEqual([
      ['director', director.mac, DIRECTOR6],
      ['sibling', sibling.mac, SIBLING6],
    ])
    expect((await site.probe(laptop, ['--target', SIBLING6, VIP6], CONFIG6)).exitCode).toBe(2)
  })

  it('says nobody when nobody has it', async () => {
    await using site = await Site.build()
    await addIpv6(site.laptop, '2001:db8:10::1/64')
    expect((await site.probe(site.laptop, [VIP6])).exitCode).toBe(3)
  })

  it('cannot be asked by a NIC without an IPv6 address: that is no silence', async () => {
    await using site = await Site.build()
    await addIpv6(site.director, `${VIP6}/64`)
    await site.laptop.namespace.writeSysctl('ipv6/conf/eth0/disable_ipv6', 1)
    for (const options of [[], ['--target', '2001:db8:10::11']]) {
      const error = await site.refusal(site.laptop, [...options, VIP6], 69)
      expect(error).toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('no IPv6 address'),
      })
    }
  })
})

describe.concurrent('probe refuses', () => {
  let shared: Site
  beforeAll(async () => {
    shared = await Site.build()
  })
  afterAll(() => shared[Symbol.asyncDispose]())

  it.for([
    ['what is not an address', ['10.10.10'], /VIP: "10\.10\.10" is not an IP address/],
    ['a target that is not one', ['--target', 'rs2', VIP], /--target: "rs2"/],
    ['a director that is not one', ['--director', `${DIRECTOR},`, VIP], /--director: ""/],
    ['a target of the other family', ['--target', '2001:db8::1', VIP], /--target 2001:db8::1/],
    ['a NIC that is not there', ['--interface', 'eth7', VIP], /--interface eth7: .* no such NIC/],
    ['lo, on which nobody is to be asked', ['--interface', 'lo', VIP], /--interface lo/],
  ] as const)('%s', async ([, args, message]) => {
    const error = await shared.refusal(shared.laptop, args, 64)
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
  })

  it('a VIP that is in no subnet, when there is more than one NIC', async () => {
    await using site = await Site.build()
    await site.segment.plugIn(site.laptop, 'eth1', '192.168.1.2/24')
    const error = await site.refusal(site.laptop, ['172.16.0.1'], 64)
    expect(error.message).toContain('172.16.0.1 is in no subnet of this host')
    expect(error.hint).toContain('--interface eth0 or eth1')
  })

  it('to work without CAP_NET_RAW', async () => {
    const launcher = ['setpriv', '--bounding-set=-net_raw', '--']
    const error = await shared.refusal(shared.laptop, [VIP], 77, { launcher })
    expect(error).toMatchObject({
      code: 'missing-capability',
      hint: expect.stringContaining('CAP_NET_RAW'),
    })
  })

  it('to ask on a NIC that is down, or without a carrier', async () => {
    await using site = await Site.build()
    const { laptop, segment } = site
    await segment.switch.ip(`link set ${laptop.nics[0]?.port} down`)
    const cut = await site.refusal(laptop, [VIP], 69)
    expect(cut).toMatchObject({ code: 'unsupported', message: expect.stringContaining('no carrier') })
    await laptop.namespace.ip('link set eth0 down')
    const down = await site.refusal(laptop, [VIP], 69)
    expect(down).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('eth0 is down'),
      hint: expect.stringContaining('ip link show eth0'),
    })
  })

  it('a configuration that is wrong', async () => {
    const error = await shared.refusal(shared.laptop, [VIP], 65, {}, 'realServer: { vips: [] }')
    expect(error.code).toBe('config-invalid')
  })
})

it('leaves nothing behind, whatever was asked', async () => {
  await using site = await Site.build()
  await own(site.director)
  await addIpv6(site.director, `${DIRECTOR6}/64`, `${VIP6}/128`)
  await addIpv6(site.laptop, '2001:db8:10::1/64')
  // Else it checks after 5 s whom it answered, and is learned by that: a change that is its own.
  await site.director.namespace.writeSysctl('ipv6/neigh/eth0/delay_first_probe_time', 3600)
  await using agent = new Agent(site.laptop, null)
  const before = await takeSettledSnapshot(site.laptop.namespace)
  for (const args of [[VIP], ['--target', SIBLING, VIP], [VIP6], ['10.10.10.99']]) {
    await agent.run(['probe', ...args])
    expect(differences(before, await site.laptop.snapshot()), args.join(' ')).toEqual([])
  }
})

it('leaves nobody behind on a host that notes whoever answers', async () => {
  await using site = await Site.build()
  await own(site.director)
  await site.laptop.namespace.writeSysctl('ipv4/conf/eth0/arp_accept', 1)
  await using agent = new Agent(site.laptop, CONFIG)
  const before = await takeSettledSnapshot(site.laptop.namespace)
  const { json } = await agent.run(['probe', VIP, '--json'])
  expect(json<ProbeReport>().alive).toEqual([DIRECTOR, SIBLING])
  expect(differences(before, await site.laptop.snapshot())).toEqual([])
  for (const target of [DIRECTOR, SIBLING]) {
    await agent.run(['probe', VIP, '--target', target])
    expect(differences(before, await site.laptop.snapshot()), target).toEqual([])
  }
})

it('leaves on that host whom it knew before', async () => {
  await using site = await Site.build()
  const { laptop, sibling } = site
  await laptop.namespace.writeSysctl('ipv4/conf/eth0/arp_accept', 1)
  await laptop.namespace.ip(`neigh add ${SIBLING} lladdr ${sibling.mac} dev eth0 nud permanent`)
  await using agent = new Agent(laptop, CONFIG)
  const before = await takeSettledSnapshot(laptop.namespace)
  await agent.run(['probe', VIP, '--target', SIBLING])
  expect(differences(before, await laptop.snapshot())).toEqual([])
})

const DIRECTOR6 = '2001:db8:10::11'
const SIBLING6 = '2001:db8:10::13'
const CONFIG6 = `realServer:
  vips: [{ address: '${VIP6}' }]
  directors: ['${DIRECTOR6}']
  siblings: ['${SIBLING6}']
`

/** A director, a sibling and whoever else asks; nobody has the VIP. */
class Site implements AsyncDisposable {
  readonly segment: Segment
  readonly director: Host
  readonly sibling: Host
  readonly laptop: Host

  static async build(): Promise<Site> {
    const segment = await Segment.build()
    const director = await segment.addHost('director', `${DIRECTOR}/24`)
    const sibling = await segment.addHost('sibling', `${SIBLING}/24`)
    return new Site(segment, director, sibling, await segment.addHost('laptop', '10.10.10.50/24'))
  }

  private constructor(segment: Segment, director: Host, sibling: Host, laptop: Host) {
    this.segment = segment
    this.director = director
    this.sibling = sibling
    this.laptop = laptop
  }

  /** Once as a document and, at the same time, once as text. */
  async probe(from: Host, args: readonly string[], config: string | null = null) {
    await using agent = new Agent(from, config)
    const [finished, { exitCode, stdout }] = await Promise.all([
      agent.run(['probe', '--json', ...args]),
      agent.run(['probe', ...args]),
    ])
    expect(exitCode).toBe(finished.exitCode)
    return { exitCode, report: finished.json<ProbeReport>(), text: stdout }
  }

  async refusal(
    from: Host,
    args: readonly string[],
    exitCode: number,
    options: RunOptions = {},
    config: string | null = null,
  ): Promise<ErrorReport['error']> {
    await using agent = new Agent(from, config)
    const finished = await agent.run(['probe', '--json', ...args], options)
    expect(finished.exitCode, finished.stdout + finished.stderr).toBe(exitCode)
    return finished.json<ErrorReport>().error
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.segment[Symbol.asyncDispose]()
  }
}

function own(host: Host): Promise<void> {
  return host.namespace.ip(`addr add ${VIP}/32 dev eth0`)
}

/** Until the host goes. */
async function announceAllTheTime(host: Host): Promise<void> {
  const [{ ifindex }] = JSON.parse(await host.run('ip', ['-j', 'link', 'show', 'eth0']))
  const program = fileURLToPath(new URL('./gratuitous-arp-process.ts', import.meta.url))
  await firstLine(host.spawn(process.execPath, [program, String(ifindex), host.mac, VIP]))
}

function addIpv6(host: Host, ...addresses: string[]): Promise<void> {
  return host.namespace.ip(...addresses.map(address => `addr add ${address} dev eth0 nodad`))
}

/** By MAC, as the hosts were made: who answers first is chance. */
function rolesOf({ owners }: ProbeReport): [role: string, mac: string, address: string | undefined][] {
  const byMac = owners.toSorted((left, right) => (left.mac < right.mac ? -1 : 1))
  return byMac.map(({ role, mac, addresses: [first] }) => [role, mac, first])
}
