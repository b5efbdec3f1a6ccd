import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { INJECTION_METHODS } from '../../agent/host/vantage/injection.ts'
import { leaksOf, startArpStorm } from '../support/arp-storm.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { Agent, type Check, type VerifyReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences, type Snapshot, takeSettledSnapshot } from '../support/snapshot.ts'
import type { Answer } from './arp-vantage-process.ts'

const VIP = '10.10.10.100'
const CONFIG = `realServer: { vips: [{ address: ${VIP} }] }\n`

/** This file is about what the host does alone. */
const SELECTION = ['--skip', 'arp-announce,vip-owner,datapath,service-answers']

/** What setpriv makes of the capabilities. */
const ALL = '+all'
const MIRRED_ONLY = '-sys_admin,-bpf'
const RIGHTS: [name: string, boundingSet: string][] = [
  ['with every right', ALL],
  ['limited to mirred', MIRRED_ONLY],
]

let segment: Segment
beforeEach(async () => {
  segment = await Segment.build()
})
afterEach(() => segment[Symbol.asyncDispose]())

/** A real server on the segment, the NIC that is made loud, and those on which it is then heard. */
interface Wired {
  host: Host
  nic: string
  heardOn: string[]
}

const wirings: Record<string, () => Promise<Wired>> = {
  'a plain NIC': async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    return { host, nic: 'eth0', heardOn: ['eth0'] }
  },
  'a NIC with a dot in its name': async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24', { nic: 'eth0.100' })
    return { host, nic: 'eth0.100', heardOn: ['eth0.100'] }
  },
  'a macvlan NIC': async () => {
    const host = await segment.addHost('rs', '10.10.11.12/24')
    await host.addMacvlan('mac0', 'eth0', '10.10.10.12/24')
    // A broadcast that arrives on eth0 goes on to mac0, which answers through eth0.
    return { host, nic: 'mac0', heardOn: ['eth0', 'mac0'] }
  },
  'a bridge of its own': async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await host.moveAddressToBridge('br0', '10.10.10.12/24')
    await expect.poll(() => host.run('ip', ['link', 'show', 'br0'])).toContain('state UP')
    return { host, nic: 'br0', heardOn: ['br0'] }
  },
  'the second of two NICs': async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await segment.plugIn(host, 'eth1', '10.10.10.13/24')
    return { host, nic: 'eth1', heardOn: ['eth1'] }
  },
  'the second of two NICs with arp_filter=1': async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await segment.plugIn(host, 'eth1', '10.10.10.13/24')
    await host.namespace.writeSysctl('ipv4/conf/all/arp_filter', 1)
    return { host, nic: 'eth1', heardOn: ['eth1'] }
  },
  'a NIC with arp_ignore=2': async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await host.namespace.writeSysctl(arpIgnore('eth0'), 2)
    return { host, nic: 'eth0', heardOn: ['eth0'] }
  },
}

describe.for(Object.entries(wirings))('%s', ([, wire]) => {
  it('is proven silent once applied, and loud when its arp_ignore is 0 again', async () => {
    const { host, nic, heardOn } = await wire()
    await using agent = new Agent(host, CONFIG)
    await agent.run(['apply'])
    const silent = await verifyWithoutResidue(host, agent)
    expect(silent).toMatchObject({ exitCode: 0, verdict: 'pass' })
    const nics = Object.keys(silencesOf(silent))
    expect(nics).toContain(nic)
    expect(silencesOf(silent)).toEqual(Object.fromEntries(nics.map(name => [name, 'pass'])))

    const others = nics.filter(name => name !== nic)
    await host.namespace.writeSysctl(others.map(arpIgnore), 1)
    await host.namespace.writeSysctl(['all', nic].map(arpIgnore), 0)
    const loud = await verifyWithoutResidue(host, agent)
    expect(loud).toMatchObject({ exitCode: 2, verdict: 'fail' })
    expect(silencesOf(loud)).toEqual(
      Object.fromEntries(nics.map(name => [name, heardOn.includes(name) ? 'fail' : 'pass'])),
    )
    const { evidence } = silenceChecks(loud).find(({ subject }) => subject.endsWith(nic)) ?? {}
    expect(evidence).toContain(`asked on ${nic}, this host answered with ${await macOf(host, nic)}`)
  })

  it.for(INJECTION_METHODS)('is asked by %s alone', async method => {
    const { host, nic } = await wire()
    const [silent, loud] = [VIP, '10.10.10.101']
    // 3: answers for every address but those of host scope.
    await host.namespace.writeSysctl(['all', nic].map(arpIgnore), 3)
    await host.namespace.ip(`addr add ${silent}/32 dev lo scope host`, `addr add ${loud}/32 dev lo`)
    const before = await takeSettledSnapshot(host.namespace)
    const [, rip = ''] = /inet ([\d.]+)/.exec(await host.run('ip', ['addr', 'show', nic])) ?? []
    const mac = await macOf(host, nic)
    const program = [vantageProgram, nic, method, silent, loud, rip]
    const answers: Record<string, Answer> = JSON.parse(await host.run(process.execPath, program))
    expect(answers).toEqual({
      [silent]: { arrived: true, mac: null },
      [loud]: { arrived: true, mac },
      [rip]: { arrived: true, mac },
    })
    expect(differences(before, await host.snapshot())).toEqual([])
  })
})

describe('under load', () => {
  it.for([2000, 5000])(
    'is proven 20 times in a row during %i who-has a second and busy CPUs',
    async perSecond => {
      const host = await segment.addHost('rs', '10.10.10.12/24')
      const client = await segment.addHost('client', '10.10.10.10/24')
      await using agent = new Agent(host, CONFIG)
      await agent.run(['apply'])
      const storm = await startArpStorm(client, VIP, { perSecond })
      const loops = [busyLoop(host), busyLoop(host)]
      for (let run = 0; run < 20; run++) {
        const report = await verify(agent)
        expect(silenceChecks(report)).toEqual([expect.objectContaining({ verdict: 'pass' })])
        expect(report.exitCode).toBe(0)
      }
      for (const loop of loops) expect(loop.kill('SIGKILL')).toBe(true)
      const count = await storm.stop()
      expect(count.sent).toBeGreaterThan(0)
      expect(leaksOf(count, [host])).toBe(0)
    },
  )

  /** Ends by itself after 30 s of CPU time. */
  function busyLoop(host: Host): Spawned {
    return host.spawn('prlimit', ['--cpu=30', 'sh', '-c', 'while :; do :; done'])
  }
})

describe('what cannot be asked is unknown, not silent', () => {
  const reasons: [
    name: string,
    address: string | undefined,
    cut: (host: Host) => Promise<void>,
    why: string,
  ][] = [
    ['a NIC that is down', '10.10.10.13/24', host => host.namespace.ip('link set eth1 down'), 'eth1 is down'],
    [
      'a NIC without a carrier',
      '10.10.10.13/24',
      host => segment.switch.ip(`link set ${host.nics[1]?.port} down`),
      'eth1 has no carrier',
    ],
    ['a NIC without an IPv4 address', undefined, async () => {}, 'eth1 has no address of its own'],
    [
      'a NIC that answers for no address at all (arp_ignore=8)',
      '10.10.10.13/24',
      host => host.namespace.writeSysctl(arpIgnore('eth1'), 8),
      'the control question for 10.10.10.13 was not answered',
    ],
  ]
  it.for(reasons)('%s', async ([, address, cut, why]) => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await segment.plugIn(host, 'eth1', address)
    await using agent = new Agent(host, CONFIG.replace('] }', '], interfaces: [eth0, eth1] }'))
    await agent.run(['apply'])
    await cut(host)
    const report = await verifyWithoutResidue(host, agent)
    expect(report).toMatchObject({ exitCode: 3, verdict: 'unknown' })
    expect(silencesOf(report)).toEqual({ eth0: 'pass', eth1: 'unknown' })
    expect(silenceChecks(report)[1]?.evidence).toContain(why)
    expect(silenceChecks(report)[1]?.hint).not.toBe('')
  })
})

describe('a host that answers for a VIP elsewhere (proxy_arp)', () => {
  /** Up to `proxyDelay` hundredths of a second it waits before it answers a broadcast; the kernel's default is 80. */
  async function bootProxy({ proxyDelay }: { proxyDelay: number }): Promise<{ host: Host; agent: Agent }> {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await segment.plugIn(host, 'eth1', '10.20.0.2/24')
    await host.namespace.writeSysctl(['ipv4/conf/all/forwarding', 'ipv4/conf/eth0/proxy_arp'], 1)
    await host.namespace.writeSysctl('ipv4/neigh/eth0/proxy_delay', proxyDelay)
    await host.namespace.ip(`route add ${VIP}/32 via 10.20.0.1 dev eth1`)
    const agent = new Agent(host, CONFIG.replace('] }', '], interfaces: [eth0] }'))
    onTestFinished(() => agent[Symbol.asyncDispose]())
    return { host, agent }
  }

  it.for([0, 10_000])('is found out with a delay of up to %i hundredths', async proxyDelay => {
    const { host, agent } = await bootProxy({ proxyDelay })
    const report = await verifyWithoutResidue(host, agent)
    expect(report).toMatchObject({ exitCode: 2, verdict: 'fail' })
    expect(report.checks).toContainEqual(expect.objectContaining({ id: 'vip-bound', verdict: 'fail' }))
    expect(silencesOf(report)).toEqual({ eth0: 'fail' })
  })

  it('is found out by mirred alone, too', async () => {
    const { host, agent } = await bootProxy({ proxyDelay: 10_000 })
    const report = await reportOf(startVerify(host, agent, MIRRED_ONLY))
    expect(silencesOf(report)).toEqual({ eth0: 'fail' })
  })
})

describe('a loud host', () => {
  it('is found out without CAP_NET_ADMIN, too', async () => {
    const host = await segment.addHost('rs', '10.10.10.12/24')
    await using agent = new Agent(host, CONFIG)
    await agent.run(['apply'])
    await host.namespace.writeSysctl(['all', 'eth0'].map(arpIgnore), 0)
    const before = await takeSettledSnapshot(host.namespace)
    const report = await reportOf(startVerify(host, agent, '-net_admin'))
    expect(report).toMatchObject({ exitCode: 2, verdict: 'fail' })
    expect(silencesOf(report)).toEqual({ eth0: 'fail' })
    expect(differences(before, await host.snapshot())).toEqual([])
  })
})

describe('killed with SIGKILL', () => {
  let host: Host
  let agent: Agent
  let before: Snapshot
  beforeEach(async () => {
    host = await segment.addHost('rs', '10.10.10.12/24')
    agent = new Agent(host, CONFIG)
    await agent.run(['apply'])
    before = await takeSettledSnapshot(host.namespace)
  })
  afterEach(() => agent[Symbol.asyncDispose]())

  it.for(RIGHTS)('at any moment, %s, it leaves nothing behind', async ([, boundingSet]) => {
    for (const afterMs of [30, 50, 60, 70, 80, 100, 120]) {
      const verifying = startVerify(host, agent, boundingSet)
      const timer = setTimeout(() => verifying.kill('SIGKILL'), afterMs)
      await verifying
      clearTimeout(timer)
      await expectNoResidue()
    }
  })

  it('its TAP device goes with it', async () => {
    const { isTerminated } = await killOnceShown('net/dev', 'rs-agent', MIRRED_ONLY)
    expect(isTerminated).toBe(true)
    await expectNoResidue()
  })

  it('a loud host has not noted who asked', async () => {
    await host.namespace.writeSysctl(['all', 'eth0'].map(arpIgnore), 0)
    before = await takeSettledSnapshot(host.namespace)
    await killOnceShown('net/arp', '192.0.2.77', ALL)
    await expectNoResidue()
  })

  /** Kills it as soon as the text stands in that file of the host's; it may also end before that. */
  async function killOnceShown(file: string, text: string, boundingSet: string): Promise<Awaited<Spawned>> {
    const verifying = startVerify(host, agent, boundingSet)
    let hasEnded = false
    void verifying.finally(() => {
      hasEnded = true
    })
    const path = `/proc/${host.namespace.pid}/${file}`
    while (!hasEnded && !readFileSync(path, 'utf8').includes(text)) await setImmediate()
    verifying.kill('SIGKILL')
    return verifying
  }

  /** The kernel removes a TAP device when it finds the time to. */
  async function expectNoResidue(): Promise<void> {
    await expect.poll(async () => differences(before, await host.snapshot()), { timeout: 2000 }).toEqual([])
  }
})

type Report = VerifyReport & { exitCode: number | undefined }

async function verify(agent: Agent): Promise<Report> {
  const finished = await agent.run(['verify', ...SELECTION, '--json'])
  return { ...finished.json<VerifyReport>(), exitCode: finished.exitCode }
}

/** With a capability bounding set; the process is the agent's own. */
function startVerify(host: Host, agent: Agent, boundingSet: string): Spawned {
  const command = [process.execPath, rsAgent, '--root', agent.root, '--json', 'verify', ...SELECTION]
  return host.spawn('setpriv', [`--bounding-set=${boundingSet}`, '--', ...command])
}

async function reportOf(verifying: Spawned): Promise<Report> {
  const { exitCode, stdout, stderr } = await verifying
  expect(stdout, stderr).not.toBe('')
  return { ...JSON.parse(stdout), exitCode }
}

async function verifyWithoutResidue(host: Host, agent: Agent): Promise<Report> {
  const before = await takeSettledSnapshot(host.namespace)
  const report = await verify(agent)
  expect(differences(before, await host.snapshot())).toEqual([])
  return report
}

function silenceChecks({ checks }: Report): Check[] {
  return checks.filter(({ id }) => id === 'arp-silence')
}

/** The verdicts on silence by NIC. */
function silencesOf(report: Report): Record<string, Check['verdict']> {
  return Object.fromEntries(
    silenceChecks(report).map(({ subject, verdict }) => [subject.replace(`${VIP} on `, ''), verdict]),
  )
}

async function macOf(host: Host, nic: string): Promise<string> {
  const [link] = JSON.parse(await host.run('ip', ['-j', 'link', 'show', nic]))
  return link.address
}

/** The path of `arp_ignore`, of one NIC or of `all`. */
function arpIgnore(nic: string): string {
  return `ipv4/conf/${nic}/arp_ignore`
}

const vantageProgram = fileURLToPath(new URL('./arp-vantage-process.ts', import.meta.url))
const rsAgent = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))
