/** What a proof costs: one VIP with every check but the one that must wait, and a hundred VIPs on four NICs. */
import { Agent, type VerifyReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { startWebServer } from '../support/web-server.ts'
import { BARE_NODE, bareNode, command, succeed } from './contestants.ts'
import type { Measured } from './figure.ts'
import { measure } from './measure.ts'

const ONE_VIP = `realServer:
  vips: [{ address: 10.10.10.100, ports: [80/tcp] }]
  directors: [10.10.10.11]
`
/** Outside of every subnet here: a hundred VIPs that any NIC may be asked for. */
const HUNDRED_VIPS = `realServer:\n  vips:\n${Array.from({ length: 100 }, (_, index) => `    - address: 10.20.0.${1 + index}\n`).join('')}`

export async function measureChecks(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const gateway = '10.10.10.1'
  await segment.addHost('gateway', `${gateway}/24`)
  const director = await segment.addHost('director', '10.10.10.11/24')
  await director.namespace.ip('addr add 10.10.10.100/32 dev eth0')
  const host = await segment.addHost('rs1', '10.10.10.13/24', { gateway })
  await startWebServer(host)
  await using agent = new Agent(host, ONE_VIP)
  await succeed(agent, ['apply'])
  const peer = BARE_NODE
  return await measure(
    [
      bareNode(host),
      {
        name: 'every check but vip-owner',
        ...command(agent, ['verify', '--skip', 'vip-owner']),
        peer,
        target: { of: 'excess', bound: 'under', limit: 250 },
        note: '60 ms are three rounds of 20 ms in which a late answer may still come: silence has no other proof',
      },
      { name: '--offline', ...command(agent, ['verify', '--offline']), peer },
      {
        name: 'every check',
        ...command(agent, ['verify']),
        peer,
        note: 'vip-owner waits 1.5 s for late answers, beside the rest',
      },
    ],
    15,
  )
}

export async function measureSilence(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await segment.addHost('rs1', '10.10.10.14/24')
  for (const number of [1, 2, 3]) await segment.plugIn(host, `eth${number}`, `10.10.${20 + number}.14/24`)
  await using agent = new Agent(host, HUNDRED_VIPS)
  await succeed(agent, ['apply'])
  const silence = ['verify', '--only', 'arp-silence', '--json']
  return await measure(
    [
      {
        name: 'the whole process',
        ...command(agent, silence),
        target: { of: 'value', bound: 'under', limit: 2_000 },
      },
      {
        name: 'by its own clock',
        run: async () => (await agent.run(silence)).json<VerifyReport>().durationMs,
      },
    ],
    9,
  )
}
