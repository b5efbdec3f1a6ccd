import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Host } from '../support/host.ts'
import { agentOn, done, useSegment, VIP, verify } from '../support/real-server.ts'
import type { Agent, Change, ChangeReport } from '../support/rs-agent.ts'

const network = useSegment()

describe('hand edits', () => {
  const lo = (...sysctls: string[]) => sysctls.map(sysctl => `ipv4/conf/lo/${sysctl}`)
  const everywhere = (sysctl: string) => [`ipv4/conf/all/${sysctl}`, `ipv4/conf/eth0/${sysctl}`]
  let host: Host
  let agent: Agent
  beforeEach(async () => {
    host = await network.bootHost()
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
      ['arp-sysctl', 'arp-announce'],
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
      ['arp-sysctl', 'arp-silence', 'arp-announce'],
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
