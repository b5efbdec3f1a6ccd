import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENT } from '../../support/agent-run.ts'
import { leaksOf, type Storm, startArpStorm } from '../../support/arp-storm.ts'
import type { Host } from '../../support/host.ts'
import { RealServerRun } from '../../support/real-server-run.ts'
import { Agent } from '../../support/rs-agent.ts'
import { Segment } from '../../support/segment.ts'
import { differences, type Snapshot, takeSettledSnapshot } from '../../support/snapshot.ts'

const VIP = '10.10.10.100'
const VIP6 = '2001:db8::100'
const CONFIG = `realServer: { vips: [{ address: ${VIP} }, { address: '${VIP6}' }] }\n`
const SYSCTL_FILE = 'etc/sysctl.d/90-rs-agent.conf'
const ARP_SYSCTLS = ['arp_ignore', 'arp_announce']

/** Whatever somebody changes of the network half, while a neighbour asks thousands of times who has the VIP. */
let segment: Segment
let host: Host
let client: Host
let agent: Agent
let run: RealServerRun
let kept: Snapshot
beforeAll(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs1', '10.10.10.12/24')
  client = await segment.addHost('client', '10.10.10.10/24')
  agent = new Agent(host, CONFIG)
  run = await RealServerRun.start(agent)
  kept = withoutLessons(await takeSettledSnapshot(host.namespace))
})
afterAll(async () => {
  await run?.[Symbol.asyncDispose]()
  await agent[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
})

describe('that leaves this host silent', () => {
  let storm: Storm
  beforeAll(async () => {
    storm = await startArpStorm(client, VIP, { perSecond: 3000, limitMs: 300_000 })
  })

  it.each<[what: string, told: RegExp, commands: string[]]>([
    ['a VIP that was deleted', /^10\.10\.10\.100\/32 on lo .*bound again/, [`addr del ${VIP}/32 dev lo`]],
    [
      'one of IPv6 that was deleted',
      /^2001:db8::100\/128 on lo .*bound again/,
      [`addr del ${VIP6}/128 dev lo`],
    ],
    [
      'one that was bound with its whole subnet instead',
      /^10\.10\.10\.100\/24 on lo .*taken away/,
      [`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/24 dev lo`],
    ],
    [
      'one that was bound with its whole subnet beside',
      /^10\.10\.10\.100\/24 on lo .*taken away/,
      [`addr add ${VIP}/24 dev lo label lo:7`],
    ],
    ['its host route that was deleted', /^route to 10\.10\.10\.100\/32/, [`route del ${VIP}/32 dev lo`]],
    [
      'the host route of IPv6 that was deleted',
      /^route to 2001:db8::100\/128/,
      [`route del ${VIP6}/128 dev lo metric 1024`],
    ],
    [
      'a host route that leads out of the NIC',
      /^route to 10\.10\.10\.100\/32/,
      [`route replace ${VIP}/32 dev eth0`],
    ],
    [
      'a host route that leads nowhere',
      /^route to 10\.10\.10\.100\/32/,
      [`route replace blackhole ${VIP}/32`],
    ],
    [
      'lo that went down and up, which loses the VIP of IPv6',
      /^2001:db8::100\/128 on lo .*bound again/,
      ['link set lo down', 'link set lo up'],
    ],
  ])('is put right: %s', async (_, told, commands) => {
    await host.namespace.ip(...commands)
    await run.says(told)
    await expectKept()
  })

  it.each(['all', 'eth0'].flatMap(scope => ARP_SYSCTLS.map(sysctl => [scope, sysctl] as const)))(
    'is put right: %s/%s that was set to 0',
    async (scope, sysctl) => {
      await host.namespace.writeSysctl(`ipv4/conf/${scope}/${sysctl}`, 0)
      await run.says(new RegExp(`^net/ipv4/conf/${scope}/${sysctl} had become 0`))
      await expectKept()
    },
  )

  it.each<[what: string, spoil: (file: string, text: string) => void]>([
    ['edited', (file, text) => writeFileSync(file, text.replaceAll('= 1', '= 0'))],
    ['added to', (file, text) => writeFileSync(file, `${text}net.ipv4.conf.all.arp_ignore = 0\n`)],
    ['deleted', file => rmSync(file)],
  ])('is put right: the file for the next boot that was %s', async (_, spoil) => {
    const file = join(agent.root, SYSCTL_FILE)
    const text = readFileSync(file, 'utf8')
    spoil(file, text)
    await run.says(/^\/etc\/sysctl\.d\/90-rs-agent\.conf/)
    expect(readFileSync(file, 'utf8')).toBe(text)
    await expectKept()
  })

  it('is put right: a NIC that appears later is silenced, and forgotten when it goes', async () => {
    await segment.plugIn(host, 'eth1', '10.10.10.22/24')
    await expectSilent('eth1')
    await host.addMacvlan('mac0', 'eth1', '10.10.10.23/24')
    await expectSilent('mac0')
    const file = join(agent.root, SYSCTL_FILE)
    await expect.poll(() => readFileSync(file, 'utf8'), PATIENT).toContain('net/ipv4/conf/mac0/arp_ignore')
    await host.namespace.ip('link del mac0', 'link del eth1')
    await expect.poll(() => readFileSync(file, 'utf8'), PATIENT).not.toMatch(/mac0|eth1/)
    await expectKept()
  })

  it('is put right: a NIC under another name', async () => {
    const rename = (from: string, to: string) =>
      host.namespace.ip(`link set ${from} down`, `link set ${from} name ${to}`, `link set ${to} up`)
    await rename('eth0', 'wan0.7')
    await run.reports({ nics: [{ name: 'wan0.7', silent: true }] })
    await host.namespace.writeSysctl('ipv4/conf/wan0.7/arp_ignore', 0)
    await run.says(/^net\/ipv4\/conf\/wan0\.7\/arp_ignore had become 0/)
    await expectSilent('wan0.7')
    await rename('wan0.7', 'eth0')
    await run.reports({ nics: [{ name: 'eth0', silent: true }] })
    await host.namespace.writeSysctl('ipv4/conf/eth0/arp_ignore', 0)
    await run.says(/^net\/ipv4\/conf\/eth0\/arp_ignore had become 0/)
    await expectKept()
  })

  it('let out not one claim of the VIP through all of it', async () => {
    const count = await storm.stop()
    expect(count.sent).toBeGreaterThan(1000)
    expect({ leaks: leaksOf(count, [host]), dropped: count.dropped }).toEqual({ leaks: 0, dropped: 0 })
  })
})

describe('that makes this host loud', () => {
  it.each<[what: string, told: RegExp, commands: string[]]>([
    ['a copy of the VIP on the NIC', /^10\.10\.10\.100\/32 on eth0/, [`addr add ${VIP}/32 dev eth0`]],
    [
      'the VIP that was moved to the NIC',
      /^10\.10\.10\.100\/24 on eth0/,
      [`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/24 dev eth0`],
    ],
  ])('is put right: %s', async (_, told, commands) => {
    await host.namespace.ip(...commands)
    await run.says(told)
    await expectKept()
    await expectNoClaims()
  })

  it.each(ARP_SYSCTLS)('is put right: %s of all NICs that was set to 0', async sysctl => {
    const scopes = ['all', 'default', 'eth0']
    await host.namespace.writeSysctl(
      scopes.map(scope => `ipv4/conf/${scope}/${sysctl}`),
      0,
    )
    await run.says(new RegExp(`^net/ipv4/conf/eth0/${sysctl} had become 0`))
    await expectKept()
    await expectNoClaims()
  })
})

it('is told as often as it happened, and of nothing else that would be wrong', () => {
  const isExpected = /again and again|(eth0|eth1|mac0|wan0\.7) is (down|gone)$/
  expect(run.warnings.filter(warning => !isExpected.test(warning))).toEqual([])
  const ofVip6 = run
    .report()
    .repairs.find(({ subject, resource }) => resource === 'vip-bound' && subject.includes(VIP6))
  // It was deleted, and went down with lo.
  expect(ofVip6?.count).toBe(2)
})

async function expectKept(): Promise<void> {
  await expect.poll(async () => differences(kept, withoutLessons(await host.snapshot())), PATIENT).toEqual([])
}

async function expectSilent(nic: string): Promise<void> {
  const values = () =>
    Promise.all(ARP_SYSCTLS.map(name => host.namespace.readSysctl(`ipv4/conf/${nic}/${name}`)))
  await expect.poll(values, PATIENT).toEqual(['1', '2'])
}

async function expectNoClaims(): Promise<void> {
  const storm = await startArpStorm(client, VIP, { perSecond: 2000, limitMs: 300 })
  expect(leaksOf(await storm.ended, [host])).toBe(0)
}

/** What the storm taught the host is not configuration. */
function withoutLessons(snapshot: Snapshot): Snapshot {
  return { ...snapshot, learnedNeighbours: [] }
}
