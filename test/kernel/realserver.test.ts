import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Host } from '../support/host.ts'
import {
  Agent,
  type Change,
  type ChangeReport,
  type ErrorReport,
  type VerifyReport,
} from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences } from '../support/snapshot.ts'

const VIP = '10.10.10.100'
const CONFIG = `realServer:
  vips: [{ address: ${VIP}, ports: [80/tcp] }]
  directors: [10.10.10.11]
`

let segment: Segment
beforeAll(async () => {
  segment = await Segment.build()
})
afterAll(() => segment[Symbol.asyncDispose]())

let count = 0
/** A host of its own for each test: what one leaves behind never helps another. */
async function bootHost(): Promise<Host> {
  return segment.addHost(`rs${++count}`, `10.10.10.${19 + count}/24`)
}

function agentOn(host: Host, config = CONFIG): Agent {
  const agent = new Agent(host, config)
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

async function done(agent: Agent, ...args: string[]): Promise<ChangeReport> {
  const finished = await agent.run([...args, '--json'])
  expect(finished.exitCode, finished.stdout + finished.stderr).toBe(0)
  return finished.json<ChangeReport>()
}

async function verify(agent: Agent): Promise<VerifyReport & { exitCode: number | undefined }> {
  const finished = await agent.run(['verify', '--json'])
  return { ...finished.json<VerifyReport>(), exitCode: finished.exitCode }
}

/** Names, sizes and times of every file below the root: what a run that writes nothing leaves as it is. */
function fileTree(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)
    .sort()
}

describe('apply', () => {
  it('binds the VIP to lo, silenced, with a host route of ours, and verify proves it', async () => {
    const host = await bootHost()
    const agent = agentOn(host)
    const { converged, changed, changes } = await done(agent, 'apply')
    expect({ converged, changed }).toEqual({ converged: true, changed: true })
    expect(changes.map(({ id, action }) => `${id} ${action}`)).toEqual([
      ...Array(4).fill('arp-sysctl update'),
      'arp-sysctl-persisted create',
      'vip-bound create',
      'vip-route create',
    ])
    expect(await host.run('ip', ['-o', 'addr', 'show', 'lo'])).toContain(`${VIP}/32 scope global lo:0`)
    expect(await host.run('ip', ['route', 'show', VIP])).toMatch(/dev lo proto 76 scope link/)
    expect(await host.namespace.readSysctl('ipv4/conf/eth0/arp_announce')).toBe('2')
    const report = await verify(agent)
    expect(report).toMatchObject({ exitCode: 0, verdict: 'pass' })
    expect(report.checks.map(({ id, subject, verdict }) => `${id} ${subject} ${verdict}`)).toEqual([
      `vip-bound ${VIP} pass`,
      `vip-route ${VIP} pass`,
      'arp-sysctl eth0 pass',
      'arp-sysctl-persisted eth0 pass',
      `arp-silence ${VIP} on eth0 pass`,
    ])
  })

  it('writes nothing the second time', async () => {
    const agent = agentOn(await bootHost())
    await done(agent, 'apply')
    const files = fileTree(agent.root)
    expect(await done(agent, 'apply')).toMatchObject({ changed: false, changes: [] })
    expect(fileTree(agent.root)).toEqual(files)
    expect(await done(agent, 'plan')).toMatchObject({ converged: true, changes: [] })
  })

  it('changes nothing with --dry-run', async () => {
    const host = await bootHost()
    const agent = agentOn(host)
    const before = await host.snapshot()
    const finished = await agent.run(['apply', '--dry-run', '--json'])
    expect(finished.exitCode).toBe(2)
    expect(finished.json<ChangeReport>()).toMatchObject({ converged: false, changed: false })
    expect(differences(before, await host.snapshot())).toEqual([])
  })

  it('takes IPv6 VIPs, many VIPs, and several NICs, one with a dot in its name', async () => {
    const host = await bootHost()
    await segment.plugIn(host, 'eth1.100', '10.30.0.9/24')
    const vips = Array.from({ length: 300 }, (_, index) => `10.40.${index >> 7}.${1 + (index & 127)}`)
    const agent = agentOn(
      host,
      `realServer: { vips: [${['2001:db8::100', ...vips].map(vip => `{ address: '${vip}' }`).join(', ')}] }`,
    )
    const before = await host.snapshot()
    await done(agent, 'apply')
    expect(await host.run('ip', ['-6', 'addr', 'show', 'lo'])).toContain('2001:db8::100/128')
    expect(await host.run('ip', ['-6', 'route', 'show', '2001:db8::100'])).toMatch(/dev lo proto 76/)
    expect(await host.namespace.readSysctl('ipv4/conf/eth1.100/arp_ignore')).toBe('1')
    const report = await verify(agent)
    expect(report.verdict).toBe('pass')
    expect(report.checks.filter(({ id }) => id === 'arp-silence')).toHaveLength(600)
    await done(agent, 'remove')
    expect(differences(before, await host.snapshot())).toEqual([])
  })

  it('takes the place of a VIP that is dropped from the configuration by the next one', async () => {
    const host = await bootHost()
    const agent = agentOn(host)
    await done(agent, 'apply')
    agent.configure(CONFIG.replace(VIP, '10.10.10.101'))
    await done(agent, 'apply')
    const addresses = await host.run('ip', ['-o', 'addr', 'show', 'lo'])
    expect(addresses).toContain('10.10.10.101/32')
    expect(addresses).not.toContain(VIP)
  })
})

describe('hand edits', () => {
  const lo = (...sysctls: string[]) => sysctls.map(sysctl => `ipv4/conf/lo/${sysctl}`)
  const everywhere = (sysctl: string) => [`ipv4/conf/all/${sysctl}`, `ipv4/conf/eth0/${sysctl}`]
  let host: Host
  let agent: Agent
  beforeEach(async () => {
    host = await bootHost()
    agent = agentOn(host)
    await done(agent, 'apply')
  })

  const edits: [name: string, edit: () => Promise<void>, planned: string[], failing: string[]][] = [
    [
      'arp_ignore flipped to 0',
      () => host.namespace.writeSysctl(everywhere('arp_ignore'), 0),
      ['arp-sysctl update', 'arp-sysctl update'],
      ['arp-sysctl', 'arp-silence'],
    ],
    [
      'arp_ignore=3',
      () => host.namespace.writeSysctl(everywhere('arp_ignore'), 3),
      ['arp-sysctl update', 'arp-sysctl update'],
      ['arp-sysctl', 'arp-silence'],
    ],
    [
      'arp_announce=1',
      () => host.namespace.writeSysctl(everywhere('arp_announce'), 1),
      ['arp-sysctl update', 'arp-sysctl update'],
      ['arp-sysctl'],
    ],
    [
      'the VIP deleted',
      () => host.namespace.ip(`addr del ${VIP}/32 dev lo`),
      ['vip-bound create'],
      ['vip-bound'],
    ],
    [
      'the host route deleted',
      () => host.namespace.ip(`route del ${VIP}/32 dev lo`),
      ['vip-route create'],
      ['vip-route'],
    ],
    [
      'the host route through the NIC',
      () => host.namespace.ip(`route replace ${VIP}/32 dev eth0`),
      ['vip-route update'],
      ['vip-route'],
    ],
    [
      'a /24 on lo beside it',
      () => host.namespace.ip(`addr add ${VIP}/24 dev lo`),
      ['vip-bound delete'],
      ['vip-bound'],
    ],
    [
      'a /24 on lo instead of it',
      () => host.namespace.ip(`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/24 dev lo`),
      ['vip-bound create', 'vip-bound delete'],
      ['vip-bound'],
    ],
    [
      'the VIP copied to the NIC',
      () => host.namespace.ip(`addr add ${VIP}/24 dev eth0`),
      ['vip-bound delete'],
      ['vip-bound', 'arp-silence'],
    ],
    [
      'only lo silenced',
      async () => {
        await host.namespace.writeSysctl([...everywhere('arp_ignore'), ...everywhere('arp_announce')], 0)
        await host.namespace.writeSysctl(lo('arp_ignore'), 1)
        await host.namespace.writeSysctl(lo('arp_announce'), 2)
      },
      Array(4).fill('arp-sysctl update'),
      ['arp-sysctl', 'arp-silence'],
    ],
    [
      'our sysctl.d file deleted',
      () => host.run('rm', [join(agent.root, 'etc/sysctl.d/90-rs-agent.conf')]).then(() => undefined),
      ['arp-sysctl-persisted create'],
      ['arp-sysctl-persisted'],
    ],
  ]

  for (const [name, edit, planned, failing] of edits)
    it(`${name}: plan and verify name it, apply mends it`, async () => {
      await edit()
      const plan = await agent.run(['plan', '--json'])
      expect(plan.exitCode).toBe(2)
      const changes: Change[] = plan.json<ChangeReport>().changes
      expect(changes.map(({ id, action }) => `${id} ${action}`)).toEqual(planned)
      const report = await verify(agent)
      expect(report).toMatchObject({ exitCode: 2, verdict: 'fail' })
      const failed = report.checks.filter(({ verdict }) => verdict === 'fail')
      expect(failed.map(({ id }) => id)).toEqual(failing)
      for (const { evidence, hint } of failed) expect([evidence, hint]).not.toContain('')
      expect((await agent.run(['status'])).exitCode).toBe(2)

      await done(agent, 'apply')
      expect((await verify(agent)).verdict).toBe('pass')
      expect((await agent.run(['status'])).exitCode).toBe(0)
    })

  it('goes away with remove, even the copy on the NIC', async () => {
    await host.namespace.ip(`addr add ${VIP}/24 dev eth0`)
    await done(agent, 'remove')
    expect(await host.run('ip', ['addr'])).not.toContain(VIP)
  })
})

describe('remove', () => {
  it('puts back the sysctls, addresses, routes and files that a host had of its own', async () => {
    const host = await bootHost()
    await host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 2)
    await host.namespace.writeSysctl('ipv4/conf/eth0/arp_announce', 1)
    await host.namespace.ip(
      'addr add 10.9.9.9/32 dev lo label lo:0',
      'addr add 10.10.10.77/24 dev eth0',
      `route add ${VIP}/32 via 10.10.10.1 dev eth0 proto static`,
    )
    const agent = agentOn(host)
    const file = join(agent.root, 'etc/sysctl.d/90-rs-agent.conf')
    mkdirSync(join(agent.root, 'etc/sysctl.d'))
    writeFileSync(file, 'net.ipv4.ip_forward = 1\n', { mode: 0o640 })
    const before = await host.snapshot()
    await done(agent, 'apply')
    expect((await verify(agent)).verdict).toBe('pass')
    await done(agent, 'remove')
    expect(differences(before, await host.snapshot())).toEqual([])
    expect(readFileSync(file, 'utf8')).toBe('net.ipv4.ip_forward = 1\n')
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(fileTree(agent.root).map(line => line.split(' ')[0]?.slice(agent.root.length))).toEqual([
      '/etc/rs-agent/config.yaml',
      '/etc/sysctl.d/90-rs-agent.conf',
      '/run/rs-agent/lock',
    ])
  })

  it('does nothing where nothing was applied', async () => {
    const host = await bootHost()
    const before = await host.snapshot()
    expect(await done(agentOn(host), 'remove')).toMatchObject({ changed: false, changes: [] })
    expect(differences(before, await host.snapshot())).toEqual([])
  })

  it('does not make a VIP audible that was there before the first apply', async () => {
    const host = await bootHost()
    await host.namespace.ip(`addr add ${VIP}/32 dev lo`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    const report = (await done(agent, 'remove')) as ChangeReport & { leftOut: string[] }
    expect(await host.run('ip', ['addr', 'show', 'lo'])).toContain(VIP)
    expect(await host.namespace.readSysctl('ipv4/conf/all/arp_ignore')).toBe('1')
    expect(report.leftOut.join()).toContain('net/ipv4/conf/all/arp_ignore')
  })

  it('puts a wrong prefix back that was silent before, and leaves one away that was audible', async () => {
    for (const [arpIgnore, back] of [
      [1, true],
      [0, false],
    ] as const) {
      const host = await bootHost()
      await host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', arpIgnore)
      await host.namespace.writeSysctl('ipv4/conf/all/arp_announce', 2)
      await host.namespace.ip(`addr add ${VIP}/24 dev lo`)
      const before = await host.snapshot()
      const agent = agentOn(host)
      await done(agent, 'apply')
      await done(agent, 'apply')
      const report = (await done(agent, 'remove')) as ChangeReport & { leftOut: string[] }
      expect((await host.run('ip', ['addr', 'show', 'lo'])).includes(`${VIP}/24`)).toBe(back)
      expect(report.leftOut.length === 0).toBe(back)
      if (back) expect(differences(before, await host.snapshot())).toEqual([])
      else expect(await host.namespace.readSysctl('ipv4/conf/all/arp_ignore')).toBe('0')
    }
  })

  it('tells of a VIP that was on a NIC, and does not put it back', async () => {
    const host = await bootHost()
    await host.namespace.ip(`addr add ${VIP}/24 dev eth0`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    const report = (await done(agent, 'remove')) as ChangeReport & { leftOut: string[] }
    expect(report.leftOut.join()).toContain(`ip addr add ${VIP}/24 dev eth0`)
    expect(await host.run('ip', ['addr'])).not.toContain(VIP)
  })

  it('has what it left out still to put back the next time', async () => {
    const host = await bootHost()
    const before = await host.snapshot()
    await host.namespace.ip(`addr add ${VIP}/32 dev lo`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    await done(agent, 'remove')
    await host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    await done(agent, 'remove')
    expect(differences(before, await host.snapshot())).toEqual([])
  })

  it('is not held up by an interface that is gone', async () => {
    const host = await bootHost()
    await segment.plugIn(host, 'eth1', '10.50.0.9/24')
    await host.namespace.ip(`route add ${VIP}/32 dev eth1`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    await host.namespace.ip('link del eth1')
    const report = (await done(agent, 'remove')) as ChangeReport & { leftOut: string[] }
    expect(report.leftOut.join()).toContain('its interface is gone')
    expect(await host.run('ip', ['addr'])).not.toContain(VIP)
  })

  it.each(['state.json', 'journal.jsonl'])(
    'touches nothing when %s was damaged, rather than forget it',
    async name => {
      const host = await bootHost()
      const agent = agentOn(host)
      await done(agent, 'apply')
      const applied = await host.snapshot()
      const file = join(agent.root, 'var/lib/rs-agent', name)
      for (const content of [
        '',
        '{"format":1,"pri',
        '7',
        '{"format":9}',
        '{"format":1,"vips":[],"priors":[null],"steps":5}',
      ]) {
        writeFileSync(file, content)
        for (const command of ['plan', 'apply', 'remove']) {
          const finished = await agent.run([command, '--json'])
          expect([content, command, finished.exitCode]).toEqual([content, command, 1])
          expect(finished.json<ErrorReport>().error).toMatchObject({
            code: 'failed',
            message: expect.stringContaining(file),
          })
        }
      }
      expect(differences(applied, await host.snapshot())).toEqual([])
    },
  )

  it('does not take a link for a file of its own', async () => {
    const host = await bootHost()
    const agent = agentOn(host)
    mkdirSync(join(agent.root, 'etc/sysctl.d'))
    symlinkSync('/dev/null', join(agent.root, 'etc/sysctl.d/90-rs-agent.conf'))
    const finished = await agent.run(['apply', '--json'])
    expect(finished.exitCode).toBe(1)
    expect(finished.json<ErrorReport>().error.message).toContain('not a regular file')
    expect(await host.run('ip', ['addr'])).not.toContain(VIP)
  })

  it('keeps a host silent for a VIP of others that is dropped from the configuration', async () => {
    const host = await bootHost()
    await host.namespace.ip(`addr add ${VIP}/32 dev lo`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    agent.configure("realServer: { vips: [{ address: '2001:db8::100' }] }\n")
    await done(agent, 'apply')
    expect((await done(agent, 'apply')).changed).toBe(false)
    expect(await host.namespace.readSysctl('ipv4/conf/all/arp_ignore')).toBe('1')
    await done(agent, 'remove')
    expect(await host.run('ip', ['addr', 'show', 'lo'])).toContain(VIP)
    expect(await host.namespace.readSysctl('ipv4/conf/all/arp_ignore')).toBe('1')
  })
})

describe('a host that cannot be made right', () => {
  const refusals: [
    name: string,
    setUp: (host: Host) => Promise<void>,
    config: string,
    code: string,
    exitCode: number,
    message: RegExp,
  ][] = [
    [
      'a VIP that is its RIP',
      async () => undefined,
      'RIP',
      'config-invalid',
      65,
      /config\.yaml:1:\d+: .*own address \(RIP\)/,
    ],
    [
      'a NIC that does not exist',
      async () => undefined,
      `realServer: { vips: [{ address: ${VIP} }], interfaces: [eth7] }`,
      'config-invalid',
      65,
      /config\.yaml:1:\d+: there is no interface eth7/,
    ],
    ['lo being down', host => host.namespace.ip('link set lo down'), CONFIG, 'unsupported', 69, /lo is down/],
    [
      'a RIP that is a /32, as clouds hand out',
      host => host.namespace.ip(`addr del ${host.address}/24 dev eth0`, `addr add ${VIP}/32 dev eth0`),
      CONFIG,
      'config-invalid',
      65,
      /own address \(RIP\)/,
    ],
    [
      'a default route that needs the copy on the NIC',
      host =>
        host.namespace.ip(
          `addr add ${VIP}/32 dev eth0`,
          `route add default via 10.10.10.1 dev eth0 src ${VIP}`,
        ),
      CONFIG,
      'config-invalid',
      65,
      /source of the route to default/,
    ],
    [
      'a host route of others that could not be put back',
      host => host.namespace.ip(`route add ${VIP} via 192.168.77.1 dev eth0 onlink`),
      CONFIG,
      'config-invalid',
      65,
      /could not be put back/,
    ],
    [
      'a VIP that is the broadcast address of its subnet',
      async () => undefined,
      'realServer: { vips: [{ address: 10.10.10.255 }] }',
      'config-invalid',
      65,
      /network or broadcast address/,
    ],
    [
      'IPv6 switched off on lo',
      host => host.namespace.writeSysctl('ipv6/conf/lo/disable_ipv6', 1),
      "realServer: { vips: [{ address: '2001:db8::100' }] }",
      'unsupported',
      69,
      /switched off on lo/,
    ],
    [
      'a section of a later version',
      async () => undefined,
      `realServer: { vips: [{ address: ${VIP} }], httpd: {} }`,
      'unsupported',
      69,
      /config\.yaml:1:\d+: .*httpd/,
    ],
    [
      'no role',
      async () => undefined,
      'director: { interface: eth0 }',
      'config-invalid',
      65,
      /no realServer section/,
    ],
  ]

  for (const [name, setUp, config, code, exitCode, message] of refusals)
    it(`is left alone with ${name}`, async () => {
      const host = await bootHost()
      await setUp(host)
      const agent = agentOn(
        host,
        config === 'RIP' ? `realServer: { vips: [{ address: ${host.address} }] }` : config,
      )
      const before = await host.snapshot()
      for (const command of ['plan', 'apply']) {
        const finished = await agent.run([command, '--json'])
        expect(finished.exitCode, finished.stdout).toBe(exitCode)
        const { error } = finished.json<ErrorReport>()
        expect(error.code).toBe(code)
        expect(error.message).toMatch(message)
        expect(error.hint).not.toBe('')
      }
      expect(differences(before, await host.snapshot())).toEqual([])
    })

  it('is applied without a carrier, and verify says that it cannot know', async () => {
    const host = await bootHost()
    const [nic] = host.nics
    await segment.switch.ip(`link set ${nic?.port} down`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    const report = await verify(agent)
    expect(report).toMatchObject({ exitCode: 3, verdict: 'unknown' })
    const unknown = report.checks.filter(({ verdict }) => verdict === 'unknown')
    expect(unknown).toEqual([
      expect.objectContaining({ id: 'arp-silence', evidence: expect.stringContaining('no carrier') }),
    ])
  })
})
