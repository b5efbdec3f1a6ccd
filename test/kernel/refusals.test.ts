import { describe, expect, it } from 'vitest'
import type { Host } from '../support/host.ts'
import { agentOn, CONFIG, done, useSegment, VIP, verify } from '../support/real-server.ts'
import type { ErrorReport } from '../support/rs-agent.ts'
import { differences, takeSettledSnapshot } from '../support/snapshot.ts'

const network = useSegment()

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
      'a web server on a distribution that nobody knows',
      async () => undefined,
      `realServer: { vips: [{ address: ${VIP} }], httpd: {} }`,
      'unsupported',
      69,
      /config\.yaml:1:\d+: where this distribution keeps its web servers/,
    ],
    [
      'no role',
      async () => undefined,
      `director: { interface: eth0, services: [{ listen: '${VIP}:80/tcp', realServers: [{ address: 10.10.10.12 }] }] }`,
      'config-invalid',
      65,
      /no realServer section/,
    ],
  ]

  for (const [name, setUp, config, code, exitCode, message] of refusals)
    it(`is left alone with ${name}`, async () => {
      const host = await network.bootHost()
      await setUp(host)
      const agent = agentOn(
        host,
        config === 'RIP' ? `realServer: { vips: [{ address: ${host.address} }] }` : config,
      )
      const before = await takeSettledSnapshot(host.namespace)
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
    const host = await network.bootHost()
    const [nic] = host.nics
    await network.segment.switch.ip(`link set ${nic?.port} down`)
    const agent = agentOn(host)
    await done(agent, 'apply')
    const report = await verify(agent)
    expect(report).toMatchObject({ exitCode: 3, verdict: 'unknown' })
    const unknown = report.checks.filter(({ verdict }) => verdict === 'unknown')
    expect(unknown).toEqual(
      ['arp-silence', 'arp-announce'].map(id =>
        expect.objectContaining({ id, evidence: expect.stringContaining('no carrier') }),
      ),
    )
  })
})
