import { describe, expect, it } from 'vitest'
import { agentOn, CONFIG, done, fileTree, useSegment, VIP, verify } from '../support/real-server.ts'
import type { ChangeReport } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'

const network = useSegment()

describe('apply', () => {
  it('binds the VIP to lo, silenced, with a host route of ours, and verify proves it', async () => {
    const host = await network.bootHost()
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
      `arp-announce ${VIP} on eth0 pass`,
      'proxy-arp eth0 pass',
      'rp-filter eth0 pass',
    ])
  })

  it('writes nothing the second time', async () => {
    const agent = agentOn(await network.bootHost())
    await done(agent, 'apply')
    const files = fileTree(agent.root)
    expect(await done(agent, 'apply')).toMatchObject({ changed: false, changes: [] })
    expect(fileTree(agent.root)).toEqual(files)
    expect(await done(agent, 'plan')).toMatchObject({ converged: true, changes: [] })
  })

  it('changes nothing with --dry-run', async () => {
    const host = await network.bootHost()
    const agent = agentOn(host)
    const before = await host.snapshot()
    const finished = await agent.run(['apply', '--dry-run', '--json'])
    expect(finished.exitCode).toBe(2)
    expect(finished.json<ChangeReport>()).toMatchObject({ converged: false, changed: false })
    expect(differences(before, await host.snapshot())).toEqual([])
  })

  it('takes IPv6 VIPs, many VIPs, and several NICs, one with a dot in its name', async () => {
    const host = await network.bootHost()
    await network.segment.plugIn(host, 'eth1.100', '10.30.0.9/24')
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
    const host = await network.bootHost()
    const agent = agentOn(host)
    await done(agent, 'apply')
    agent.configure(CONFIG.replace(VIP, '10.10.10.101'))
    await done(agent, 'apply')
    const addresses = await host.run('ip', ['-o', 'addr', 'show', 'lo'])
    expect(addresses).toContain('10.10.10.101/32')
    expect(addresses).not.toContain(VIP)
  })
})
