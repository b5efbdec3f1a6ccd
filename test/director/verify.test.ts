import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApache } from '../support/apache.ts'
import { Cluster, directorConfig, RIPS, RIPS6, succeed, VIP, VIP6 } from '../support/cluster.ts'
import type { Host } from '../support/host.ts'
import { sentPackets } from '../support/nic-traffic.ts'
import type { Check, VerifyReport } from '../support/rs-agent.ts'

/**
 * Every fault at once, each on a host of its own or in a part of the director of its own: what one check says of one
 * of them must not depend on the others. Two healthy real servers stand beside them.
 */
let cluster: Cluster
let faulty: Record<'lost' | 'loud' | 'narrow' | 'walled', Host>
let report: VerifyReport
let exitCode: number | undefined

const LOST = '10.10.10.14'
const LOUD = '10.10.10.15'
const NARROW = '10.10.10.16'
const WALLED = '10.10.10.17'
const NOBODY = '10.10.10.18'
const SYNC = '  syncDaemon: { role: master, interface: eth0, id: 7 }\n'

beforeAll(async () => {
  cluster = await Cluster.build()
  faulty = {
    lost: await cluster.addRealServer('lost', LOST),
    loud: await cluster.addRealServer('loud', LOUD),
    narrow: await cluster.addRealServer('narrow', NARROW, { listen: `${NARROW}:80` }),
    walled: await cluster.addRealServer('walled', WALLED),
  }
  const { agent, host } = cluster.director
  const addresses = [...RIPS, LOST, LOUD, NARROW, WALLED, NOBODY]
  agent.configure(
    directorConfig(
      addresses.map(address => ({ address })),
      { more: SYNC },
    ),
  )
  await succeed(agent, 'director apply')
  await spoilRealServers()
  await spoilDirector(host)
  const finished = await agent.run(['director', 'verify', '--json'])
  exitCode = finished.exitCode
  report = finished.json()
})
afterAll(() => cluster[Symbol.asyncDispose]())

async function spoilRealServers(): Promise<void> {
  await faulty.lost.namespace.ip(`addr del ${VIP}/32 dev lo`)
  await faulty.loud.namespace.writeSysctl(['ipv4/conf/all/arp_ignore', 'ipv4/conf/eth0/arp_ignore'], 0)
  await faulty.walled.run('nft', ['-f', '-'], {
    input: `table ip wall {\nchain input {\ntype filter hook input priority 0\nip daddr ${VIP} drop\n}\n}\n`,
  })
}

async function spoilDirector(host: Host): Promise<void> {
  await host.namespace.writeSysctl('ipv4/conf/all/send_redirects', 1)
  await host.namespace.writeSysctl(['ipv4/conf/all/arp_announce', 'ipv4/conf/eth0/arp_announce'], 0)
  await host.namespace.ip(`addr del ${VIP}/32 dev eth0`)
  await host.run('ipvsadm', ['-e', '-t', `${VIP}:80`, '-r', `${RIPS[0]}:80`, '-g', '-w', '9'])
  await host.run('ipvsadm', ['--stop-daemon', 'master'])
}

function found(id: string, subject: string): Check | undefined {
  return report.checks.find(check => check.id === id && check.subject === subject)
}

const arpOf = (address: string) => `${VIP} on ${address}`
const pathOf = (address: string) => `${VIP}:80/tcp on ${address}`

const FAULTS: [fault: string, id: string, subject: string, evidence: RegExp][] = [
  [
    'a weight that was changed by hand',
    'ipvs-pool',
    `${VIP}:80/tcp`,
    /^10\.10\.10\.12:80 has another weight/,
  ],
  ['a VIP that is gone', 'vip-on-nic', VIP, /is not on eth0/],
  ['redirects that are sent', 'send-redirects', 'eth0', /all=1, eth0=0/],
  ['ARP questions in the name of the VIP', 'arp-announce', 'eth0', /effective 0 = max\(all=0, eth0=0\)/],
  ['a sync daemon that was stopped', 'sync-daemon', 'master', /does not run/],
  ['a real server that answers ARP', 'real-server-arp', arpOf(LOUD), /answers "who has 10\.10\.10\.100"/],
  ['a real server that lost the VIP', 'real-server-path', pathOf(LOST), /no answer to a SYN.* lost the VIP/],
  ['a listener on the RIP alone', 'real-server-path', pathOf(NARROW), /nobody listens on 10\.10\.10\.100:80/],
  ['a firewall that drops', 'real-server-path', pathOf(WALLED), /no answer to a SYN.*firewall drops/],
  [
    'a real server that is down',
    'real-server-path',
    pathOf(NOBODY),
    /does not answer for its own address: it is down/,
  ],
]

describe('director verify', () => {
  it.each(FAULTS)('finds %s', (_, id, subject, evidence) => {
    expect(found(id, subject)).toMatchObject({
      verdict: 'fail',
      evidence: expect.stringMatching(evidence),
      hint: expect.stringMatching(/./),
    })
  })

  it('names the MAC of the real server that answers ARP', () => {
    expect(found('real-server-arp', arpOf(LOUD))?.evidence).toContain(faulty.loud.mac)
  })

  it('blames nobody else, and does not call a host silent that is not there', () => {
    const others = report.checks.filter(
      ({ id, subject }) => !FAULTS.some(fault => fault[1] === id && fault[2] === subject),
    )
    expect(others.map(({ id, subject, verdict }) => [id, subject, verdict]).sort()).toEqual(
      [
        ...[...RIPS, LOST, NARROW, WALLED].map(address => ['real-server-arp', arpOf(address), 'pass']),
        ['real-server-arp', arpOf(NOBODY), 'unknown'],
        ...[...RIPS, LOUD].map(address => ['real-server-path', pathOf(address), 'pass']),
      ].sort(),
    )
    expect(report.verdict).toBe('fail')
    expect(exitCode).toBe(2)
  })

  it('passes once all of it is mended, and leaves no connection on the real servers', async () => {
    const { director, realServers } = cluster
    await faulty.lost.namespace.ip(`addr add ${VIP}/32 dev lo`)
    await faulty.loud.namespace.writeSysctl(['ipv4/conf/all/arp_ignore'], 1)
    await startApache(faulty.narrow, { listen: `${VIP}:80` })
    await faulty.walled.run('nft', ['flush', 'ruleset'])
    const addresses = [...RIPS, LOST, LOUD, NARROW, WALLED]
    director.agent.configure(
      directorConfig(
        addresses.map(address => ({ address })),
        { more: SYNC },
      ),
    )
    await succeed(director.agent, 'director apply')
    const mended = await succeed<VerifyReport>(director.agent, 'director verify')
    expect(mended.checks.filter(({ verdict }) => verdict !== 'pass')).toEqual([])
    expect(mended.checks).toHaveLength(5 + 2 * addresses.length)
    for (const host of [...realServers.map(({ host }) => host), ...Object.values(faulty)])
      expect([host.name, await host.run('ss', ['-Htn', 'state', 'connected'])]).toEqual([host.name, ''])
  })

  it('leaves nobody behind in the table of neighbours of a kernel that notes whoever answers', async () => {
    const { agent, host } = cluster.director
    const neighbours = async () => (await host.run('ip', ['neigh', 'show', 'dev', 'eth0'])).split('\n').sort()
    // Whoever asks for the director's MAC is noted there too, and by no doing of its own: nobody needs to ask.
    for (const { namespace } of [...cluster.realServers.map(each => each.host), ...Object.values(faulty)])
      await namespace.ip(`neigh replace ${host.address} lladdr ${host.mac} nud permanent dev eth0`)
    await host.namespace.writeSysctl('ipv4/conf/eth0/arp_accept', 1)
    await host.namespace.ip('neigh flush all')
    const before = await neighbours()
    await succeed(agent, 'director verify --only real-server-arp,real-server-path')
    expect(await neighbours()).toEqual(before)
    await host.namespace.writeSysctl('ipv4/conf/eth0/arp_accept', 0)
  })

  it('sends nothing when it is told to stay off the wire', async () => {
    const { agent, host } = cluster.director
    // Of the sync daemon, which speaks when it likes.
    await host.run('ipvsadm', ['--stop-daemon', 'master'])
    const before = await sentPackets(host)
    const finished = await agent.run(['director', 'verify', '--offline', '--skip', 'sync-daemon', '--json'])
    expect(await sentPackets(host)).toBe(before)
    expect(finished.exitCode, finished.stdout).toBe(0)
    const { checks } = finished.json<VerifyReport>()
    const skipped = checks.filter(({ verdict }) => verdict === 'skipped').map(({ id }) => id)
    expect(skipped).toEqual(['real-server-arp', 'real-server-path', 'sync-daemon'])
    expect(checks.filter(({ verdict }) => verdict === 'pass')).toHaveLength(4)
  })
})

describe('director verify of an IPv6 service', () => {
  const IDS = ['ipvs-pool', 'vip-on-nic', 'send-redirects', 'arp-announce']
  const verdicts = ({ checks }: VerifyReport) =>
    checks.map(({ id, subject, verdict }) => [id, subject, verdict])
  const realServerChecks = (second: string) => [
    ...RIPS6.map(rip => ['real-server-arp', `${VIP6} on ${rip}`, 'pass']),
    ['real-server-path', `[${VIP6}]:80/tcp on ${RIPS6[0]}`, 'pass'],
    ['real-server-path', `[${VIP6}]:80/tcp on ${RIPS6[1]}`, second],
  ]
  beforeAll(async () => {
    const { agent } = cluster.director
    agent.configure(
      directorConfig(
        RIPS6.map(address => ({ address })),
        { vip: VIP6 },
      ),
    )
    await succeed(agent, 'director apply')
  })

  it('passes where every real server has the VIP', async () => {
    const healthy = await succeed<VerifyReport>(cluster.director.agent, 'director verify')
    expect(healthy.checks.map(({ id }) => id).slice(0, IDS.length)).toEqual(IDS)
    expect(verdicts(healthy).slice(IDS.length)).toEqual(realServerChecks('pass'))
    const path = healthy.checks.find(({ id }) => id === 'real-server-path')
    expect(path?.evidence).toContain(`answers from [${VIP6}]:80`)
  })

  it('names the real server that lost the VIP, and no other', async () => {
    const [, { host, agent }] = cluster.realServers
    await host.namespace.ip(`addr del ${VIP6}/128 dev lo`)
    const finished = await cluster.director.agent.run(['director', 'verify', '--json'])
    expect(finished.exitCode, finished.stdout).toBe(2)
    const lost = finished.json<VerifyReport>()
    expect(verdicts(lost).slice(IDS.length)).toEqual(realServerChecks('fail'))
    const named = lost.checks.find(({ verdict }) => verdict === 'fail')
    // Its host route to lo is still there, and refuses what has no address: of IPv6 the kernel says so.
    expect(named?.evidence).toMatch(
      /refuses \[2001:db8:10::100\]:80 with ICMP type 1 code 0: it lost the VIP/,
    )
    expect(named?.hint).toContain(RIPS6[1])

    await succeed(agent, 'apply')
    await succeed(cluster.director.agent, 'director verify')
  })
})

describe('a director whose NIC is down', () => {
  it('is not as configured, asks nobody, and says what to do', async () => {
    const { agent, host } = cluster.director
    agent.configure(directorConfig(RIPS.map(address => ({ address }))))
    await succeed(agent, 'director apply')
    await host.namespace.ip('link set eth0 down')
    const status = await agent.run(['director', 'status', '--json'])
    expect(status.exitCode, status.stdout).toBe(2)
    expect(status.json()).toMatchObject({
      asConfigured: false,
      pending: 0,
      vips: [{ address: VIP, bound: false, evidence: 'eth0 is down' }],
    })
    const only = ['--only', 'real-server-arp,real-server-path', '--json']
    const verified = await agent.run(['director', 'verify', ...only])
    expect(verified.exitCode, verified.stdout).toBe(3)
    const asked = verified.json<VerifyReport>().checks.filter(({ verdict }) => verdict !== 'skipped')
    expect(asked).toHaveLength(2 * RIPS.length)
    for (const check of asked)
      expect(check).toMatchObject({
        verdict: 'unknown',
        evidence: 'eth0 is down',
        hint: 'ip link set eth0 up',
      })
  })
})
