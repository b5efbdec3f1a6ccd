/** What making a real server costs beside the commands that a script would use, and beside the start of a bare Node. */
import { fileURLToPath } from 'node:url'
import type { Host } from '../support/host.ts'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { BARE_NODE, bareNode, command, succeed } from './contestants.ts'
import type { Measured, Target } from './figure.ts'
import { measure } from './measure.ts'

const VIPS = Array.from(
  { length: 1000 },
  (_, index) => `10.20.${Math.floor(index / 250)}.${1 + (index % 250)}`,
)
const ONE_VIP = 'realServer: { vips: [{ address: 10.10.10.100 }] }\n'
const MANY_VIPS = `realServer:\n  vips:\n${VIPS.map(vip => `    - address: ${vip}\n`).join('')}`
/** The same work for `ip -batch`: all addresses, then all routes. */
const IP_BATCH = `${[
  ...VIPS.map((vip, index) => `addr add ${vip}/32 dev lo label lo:${index}`),
  ...VIPS.map(vip => `route add ${vip}/32 dev lo`),
].join('\n')}\n`
const SYSCTLS = ['all', 'eth0'].flatMap(nic => [
  `net.ipv4.conf.${nic}.arp_ignore=1\n`,
  `net.ipv4.conf.${nic}.arp_announce=2\n`,
])

/** 1,000 addresses and their routes, without the start of the process. */
export async function measureNetlink(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await addRealServer(segment)
  const editProcess = fileURLToPath(new URL('./edit-process.ts', import.meta.url))
  const peer = 'ip -batch'
  return await measure(
    [
      {
        name: peer,
        run: async () => void (await host.run('ip', ['-batch', '-'], { input: IP_BATCH })),
        reset: () => unbindAll(host),
      },
      {
        name: 'rs-agent netlink',
        run: async () => Number(await host.run(process.execPath, [editProcess], { input: VIPS.join('\n') })),
        peer,
        target: { of: 'ratio', bound: 'at most', limit: 0.5 },
      },
    ],
    15,
  )
}

/** `apply` of 1,000 VIPs, the whole process. */
export async function measureManyVips(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await addRealServer(segment)
  await using agent = new Agent(host, MANY_VIPS)
  const peer = 'ip -batch + sysctl -p'
  return await measure(
    [
      {
        name: peer,
        async run() {
          await host.run('sysctl', ['-q', '-p', '-'], { input: SYSCTLS.join('') })
          await host.run('ip', ['-batch', '-'], { input: IP_BATCH })
          return undefined
        },
        reset: () => unbindAll(host),
      },
      {
        name: 'rs-agent apply',
        ...command(agent, ['apply']),
        reset: async () => void (await succeed(agent, ['remove'])),
        peer,
        target: { of: 'ratio', bound: 'at most', limit: 1 },
      },
    ],
    9,
  )
}

/** One VIP, with which there is nothing to do. */
export async function measureStartUp(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await addRealServer(segment)
  await using agent = new Agent(host, ONE_VIP)
  await succeed(agent, ['apply'])
  const target: Target = { of: 'ratio', bound: 'at most', limit: 2 }
  return await measure(
    [
      bareNode(host),
      { name: 'rs-agent plan', ...command(agent, ['plan']), peer: BARE_NODE, target },
      { name: 'rs-agent apply', ...command(agent, ['apply']), peer: BARE_NODE, target },
    ],
    25,
  )
}

function addRealServer(segment: Segment): Promise<Host> {
  return segment.addHost('rs1', '10.10.10.12/24')
}

async function unbindAll(host: Host): Promise<void> {
  await host.run('ip', ['addr', 'flush', 'dev', 'lo', 'to', '10.20.0.0/16'])
  await host.run('ip', ['route', 'flush', 'root', '10.20.0.0/16'])
}
