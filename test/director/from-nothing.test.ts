import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directorConfig, type Member, RIPS, succeed, VIP } from '../support/cluster.ts'
import { DebianHost } from '../support/debian-host.ts'
import { DirectorRun } from '../support/director-run.ts'
import { type Inventory, takeInventory } from '../support/inventory.ts'
import { KeepAliveClient } from '../support/keep-alive-client.ts'
import { NfsServer } from '../support/nfs-server.ts'
import { Agent, type ChangeReport, type VerifyReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { SteadyClient } from '../support/steady-client.ts'

/**
 * The cluster of the deployment guides: two real servers, which are Debian as it is installed, become web servers of the
 * pages of one NFS server by one `rs-agent apply` each. A director with checks that read through NFS stands before them.
 */
const CIP = '10.10.10.10'
const DIP = '10.10.10.11'
const NFS = '10.10.10.30'
const PAGE = { address: VIP }
const [RS1, RS2] = RIPS

let segment: Segment
let client: Awaited<ReturnType<Segment['addHost']>>
let visitor: SteadyClient
let nfs: NfsServer
let director: Member
let realServers: DebianHost[]
let before: Inventory[]
let applied: ChangeReport[]
let run: DirectorRun

beforeAll(async () => {
  segment = await Segment.build()
  client = await segment.addHost('client', `${CIP}/24`)
  visitor = await SteadyClient.start(client)
  nfs = await NfsServer.start(await segment.addHost('nfs', `${NFS}/24`))
  await nfs.write('index.html', 'first edition\n')
  realServers = await Promise.all(
    RIPS.map((address, index) =>
      DebianHost.boot(segment, { name: `rs${index + 1}`, address: `${address}/24` }),
    ),
  )
  before = await Promise.all(realServers.map(takeInventory))
  applied = await Promise.all(realServers.map(build))
  const host = await segment.addHost('director', `${DIP}/24`)
  await host.run('modprobe', ['ip_vs'])
  director = { host, agent: new Agent(host, DIRECTOR_CONFIG) }
  await succeed(director.agent, 'director apply')
  run = await DirectorRun.start(director.agent)
})
afterAll(async () => {
  await run[Symbol.asyncDispose]()
  await director.agent[Symbol.asyncDispose]()
  await Promise.all(realServers.map(host => host[Symbol.asyncDispose]()))
  await segment[Symbol.asyncDispose]()
})

const REAL_SERVER_CONFIG = `realServer:
  vips:
    - { address: ${VIP}, ports: [80/tcp] }
  directors: [${DIP}]
  clients: [${CIP}]
  nfs:
    - { source: "${NFS}:/", target: /var/www/html }
  httpd: { server: apache, root: /var/www/html }
`
const DIRECTOR_CONFIG = `${directorConfig(RIPS.map(address => ({ address })))}      check: { type: http, path: /.rs-agent/ready, interval: 1s, timeout: 900ms, rise: 2, fall: 2 }
`

async function build(host: DebianHost): Promise<ChangeReport> {
  await host.run('mkdir', ['-p', '/etc/rs-agent'])
  await host.run('tee', ['/etc/rs-agent/config.yaml'], { input: REAL_SERVER_CONFIG })
  return JSON.parse(await host.run('rs-agent', ['apply', '--json']))
}

async function verify(host: DebianHost, ...options: string[]): Promise<VerifyReport> {
  const { stdout } = await host.spawn('rs-agent', ['verify', '--json', ...options], { input: '' })
  return JSON.parse(stdout)
}

function realServer(index: number): DebianHost {
  return realServers[index] ?? expect.unreachable(`there is no real server ${index}`)
}

/** Of each real server, how many connections the kernel has sent to it. */
async function connectionsTo(): Promise<Record<string, number>> {
  const table = await director.host.run('ipvsadm', ['-Ln', '--stats', '--exact'])
  const rows = [...table.matchAll(/^ {2}-> (\S+):80 +(\d+)/gm)]
  return Object.fromEntries(rows.map(([, address, count]) => [address, Number(count)]))
}

async function cable(state: 'down' | 'up'): Promise<void> {
  const [{ port } = { port: '' }] = segment.hosts.find(({ name }) => name === 'nfs')?.nics ?? []
  await segment.switch.ip(`link set ${port} ${state}`)
}

describe('one apply on a Debian from nothing', () => {
  it('installs, mounts, binds and starts what the configuration names, and has nothing to do again', async () => {
    for (const { changes } of applied)
      expect(changes.map(({ id, action, subject }) => `${action} ${id} ${subject}`)).toEqual(
        expect.arrayContaining([
          'install packages apache2',
          'install packages nfs-common',
          'create nfs-mounted /var/www/html',
          `create vip-bound ${VIP}/32 on lo`,
          'start httpd apache',
        ]),
      )
    for (const host of realServers)
      expect(JSON.parse(await host.run('rs-agent', ['plan', '--json']))).toMatchObject({ changes: [] })
  })

  it('makes a real server of which verify finds everything right', async () => {
    for (const host of realServers) {
      // It is applied once here, and does not come back by itself.
      const { checks, verdict } = await verify(host, '--skip', 'boot-persistence')
      expect(checks.filter(check => !['pass', 'skipped'].includes(check.verdict))).toEqual([])
      expect(verdict).toBe('pass')
      expect(
        checks.find(({ evidence }) => /is \/var\/www\/html\/index.html on/.test(evidence))?.verdict,
      ).toBe('pass')
    }
  })

  it('makes both serve the same page through the VIP, and an edited one soon', async () => {
    const connections = await connectionsTo()
    expect(await visitor.fetch(PAGE, 20)).toMatchObject({ pages: { 'first edition': 20 }, failures: {} })
    const expected = Object.fromEntries(RIPS.map(address => [address, (connections[address] ?? 0) + 10]))
    // The kernel sums up every two seconds.
    await expect.poll(connectionsTo, { timeout: 30_000 }).toEqual(expected)
    await nfs.write('index.html', 'second edition\n')
    await expect
      .poll(async () => (await visitor.fetch(PAGE, 4)).pages, { timeout: 60_000, interval: 500 })
      .toEqual({ 'second edition': 4 })
  })
})

describe('a real server that is drained', () => {
  it('loses no request of clients that keep their connections, and none when it comes back', async () => {
    const clients = await KeepAliveClient.start(client)
    await clients.start({ clients: 8, requests: [{ url: `http://${VIP}/` }] })
    const drained = realServer(0).run('rs-agent', ['drain', '--limit', '300', '--quiet', '5', '--json'])
    await run.says(new RegExp(`^${RS1}:80 .* out of rotation: status 503`))
    expect(JSON.parse(await drained)).toMatchObject({
      drained: true,
      quiet: true,
      connections: 0,
      unbound: false,
    })
    const meanwhile = await connectionsTo()
    expect(await clients.look()).toMatchObject({ failures: {} })
    expect(await clients.look()).toMatchObject({ failures: {} })
    expect((await connectionsTo())[RS1]).toBe(meanwhile[RS1])

    expect(JSON.parse(await realServer(0).run('rs-agent', ['undrain', '--json']))).toMatchObject({
      changed: true,
    })
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
    const { answers, failures } = await clients.stop()
    expect(failures).toEqual({})
    expect(answers).toBeGreaterThan(0)
  })
})

describe('an NFS server that is dead', () => {
  it('is named by verify within three seconds, and the director takes out who cannot read', async () => {
    await cable('down')
    for (const host of realServers) {
      const { checks, durationMs } = await verify(host, '--only', 'nfs-mounted')
      expect(checks.filter(({ verdict }) => verdict !== 'skipped')).toMatchObject([
        { id: 'nfs-mounted', verdict: 'fail', evidence: expect.stringContaining(NFS) },
      ])
      expect(durationMs).toBeLessThan(3000)
    }
    await run.says(/out of rotation: /)
    const { stdout } = await realServer(1).spawn('rs-agent', ['plan'], { input: '' })
    expect(stdout).toMatch(/rs-agent plan: /)
    await cable('up')
    await expect
      .poll(async () => (await visitor.fetch(PAGE, 4)).pages, { timeout: 300_000, interval: 2000 })
      .toEqual({ 'second edition': 4 })
  })
})

describe('a real server that is started anew', () => {
  it('has its share again for whoever comes first, and after an apply its VIP', async () => {
    const host = realServer(1)
    await host.reboot()
    expect(await host.failedUnits()).toEqual([])
    expect(await host.run('cat', ['/var/www/html/index.html'])).toBe('second edition')
    const { changes } = JSON.parse(await host.run('rs-agent', ['apply', '--json'])) as ChangeReport
    expect(changes.filter(({ id }) => id === 'nfs-mounted' || id === 'httpd')).toEqual([])
    await expect
      .poll(
        async () => (await connectionsTo())[RS2] !== undefined && (await visitor.fetch(PAGE, 4)).failures,
        {
          timeout: 120_000,
          interval: 1000,
        },
      )
      .toEqual({})
  })
})

describe('remove', () => {
  it('leaves the host as it was, with its packages, and with --purge without them', async () => {
    const [kept, purged] = realServers
    if (kept === undefined || purged === undefined) throw new Error('there are no two real servers')
    expect(JSON.parse(await kept.run('rs-agent', ['remove', '--json']))).toMatchObject({ leftOut: [] })
    const inventory = await takeInventory(kept)
    expect(inventory.packages).toEqual(expect.arrayContaining(['apache2', 'nfs-common']))
    expect(inventory.system).toEqual(before[0]?.system)
    await purged.run('rs-agent', ['remove', '--purge', '--json'])
    expect(await takeInventory(purged)).toEqual(before[1])
  })
})
