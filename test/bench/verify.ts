import type { Host } from '../support/host.ts'
import { Agent, type VerifyReport } from '../support/rs-agent.ts'
import type { Segment } from '../support/segment.ts'
import { startWebServer } from '../support/web-server.ts'
import { measure, ms, timed } from './measure.ts'

const ONE_VIP = `realServer:
  vips: [{ address: 10.10.10.100, ports: [80/tcp] }]
  directors: [10.10.10.11]
`
/** Outside of every subnet here: a hundred VIPs that any NIC may be asked for. */
const HUNDRED_VIPS = `realServer:\n  vips:\n${Array.from({ length: 100 }, (_, index) => `    - address: 10.20.0.${1 + index}\n`).join('')}`
/** Above the start of a bare Node. */
const ALL_CHECKS_TARGET_MS = 250
const SILENCE_TARGET_MS = 2_000

/** What a proof costs: one VIP with every check but the one that must wait, and a hundred VIPs on four NICs. */
export async function reportVerify(segment: Segment, line: (text: string) => void): Promise<void> {
  const gateway = '10.10.10.1'
  await segment.addHost('gateway', `${gateway}/24`)
  const director = await segment.addHost('director', '10.10.10.11/24')
  await director.namespace.ip('addr add 10.10.10.100/32 dev eth0')
  const host = await segment.addHost('rs2', '10.10.10.13/24', { gateway })
  await startWebServer(host)
  await reportAllChecks(host, line)

  const wide = await segment.addHost('rs3', '10.10.10.14/24')
  for (const number of [1, 2, 3]) await segment.plugIn(wide, `eth${number}`, `10.10.${20 + number}.14/24`)
  await reportManyVips(wide, line)
}

async function reportAllChecks(host: Host, line: (text: string) => void): Promise<void> {
  await using agent = new Agent(host, ONE_VIP)
  await succeed(agent, ['apply'])
  const run = (args: string[]) => () => timed(() => succeed(agent, args))
  const [bare, all, offline, whole] = await measure(
    [
      {
        name: 'node hello',
        run: () => timed(() => host.run(process.execPath, ['-e', 'console.log("hello")'])),
      },
      { name: 'every check but vip-owner', run: run(['verify', '--skip', 'vip-owner']) },
      { name: 'offline', run: run(['verify', '--offline']) },
      { name: 'every check', run: run(['verify']) },
    ],
    15,
  )
  await succeed(agent, ['remove'])
  const above = (all?.medianMs ?? Number.NaN) - (bare?.medianMs ?? Number.NaN)
  line('\nverify of one VIP on one NIC (medians of 15)')
  line(`  node hello                 ${ms(bare?.medianMs)}`)
  line(
    `  every check but vip-owner  ${ms(all?.medianMs)}: ${ms(above)} above it, wanted under ${ALL_CHECKS_TARGET_MS}${above < ALL_CHECKS_TARGET_MS ? '' : ': MISSED'}`,
  )
  line(`  --offline                  ${ms(offline?.medianMs)}`)
  line(
    `  every check                ${ms(whole?.medianMs)}: vip-owner waits 1.5 s for late answers, beside the rest`,
  )
  line('  60 ms are three rounds of 20 ms in which a late answer may still come: silence has no other proof')
}

async function reportManyVips(host: Host, line: (text: string) => void): Promise<void> {
  await using agent = new Agent(host, HUNDRED_VIPS)
  await succeed(agent, ['apply'])
  const silence = ['verify', '--only', 'arp-silence', '--json']
  const [whole, own] = await measure(
    [
      { name: 'whole', run: () => timed(() => succeed(agent, silence)) },
      { name: 'own clock', run: async () => (await agent.run(silence)).json<VerifyReport>().durationMs },
    ],
    9,
  )
  await succeed(agent, ['remove'])
  const verdict = (whole?.medianMs ?? Number.NaN) < SILENCE_TARGET_MS ? '' : ': MISSED'
  line(
    `\narp-silence of 100 VIPs on 4 NICs: ${ms(whole?.medianMs)} (${ms(own?.medianMs)} by its own clock), wanted under ${SILENCE_TARGET_MS}${verdict}`,
  )
}

async function succeed(agent: Agent, args: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await agent.run(args)
  if (exitCode !== 0) throw new Error(`rs-agent ${args.join(' ')} exited ${exitCode}: ${stdout}${stderr}`)
}
