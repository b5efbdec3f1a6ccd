import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentOn, done, fileTree, useSegment, VIP, verify } from '../support/real-server.ts'
import type { ChangeReport, ErrorReport } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'

const network = useSegment()

describe('remove', () => {
  it('puts back the sysctls, addresses, routes and files that a host had of its own', async () => {
    const host = await network.bootHost()
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
    const host = await network.bootHost()
    const before = await host.snapshot()
    expect(await done(agentOn(host), 'remove')).toMatchObject({ changed: false, changes: [] })
    expect(differences(before, await host.snapshot())).toEqual([])
  })

  it('does not make a VIP audible that was there before the first apply', async () => {
    const host = await network.bootHost()
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
      const host = await network.bootHost()
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
    const host = await network.bootHost()
    await host.namespace.ip(`addr add ${VIP}/24 dev eth0`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    const report = (await done(agent, 'remove')) as ChangeReport & { leftOut: string[] }
    expect(report.leftOut.join()).toContain(`ip addr add ${VIP}/24 dev eth0`)
    expect(await host.run('ip', ['addr'])).not.toContain(VIP)
  })

  it('has what it left out still to put back the next time', async () => {
    const host = await network.bootHost()
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
    const host = await network.bootHost()
    await network.segment.plugIn(host, 'eth1', '10.50.0.9/24')
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
      const host = await network.bootHost()
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
    const host = await network.bootHost()
    const agent = agentOn(host)
    mkdirSync(join(agent.root, 'etc/sysctl.d'))
    symlinkSync('/dev/null', join(agent.root, 'etc/sysctl.d/90-rs-agent.conf'))
    const finished = await agent.run(['apply', '--json'])
    expect(finished.exitCode).toBe(1)
    expect(finished.json<ErrorReport>().error.message).toContain('not a regular file')
    expect(await host.run('ip', ['addr'])).not.toContain(VIP)
  })

  it('keeps a host silent for a VIP of others that is dropped from the configuration', async () => {
    const host = await network.bootHost()
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
