/**
 * `npm run bench`: what rs-agent costs beside what it is measured against, in one run. Everything happens in
 * network namespaces of its own.
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { bootGuest } from '../lab/guest.ts'
import { hasIpvs } from '../support/has-ipvs.ts'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { reportDrift } from './drift.ts'
import { type Figure, measure, ms, timed } from './measure.ts'
import { reportVerify } from './verify.ts'

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

const segment = await Segment.build()
try {
  const host = await segment.addHost('rs1', '10.10.10.12/24')
  report(
    'the netlink part: 1,000 addresses and 1,000 host routes on lo',
    'ip -batch',
    await measureNetlink(),
    0.5,
  )
  report('the whole process: apply of 1,000 VIPs', 'ip -batch + sysctl -p', await measureManyVips(), 1)
  report('start-up: nothing to do for one VIP', 'node hello', await measureStartUp(), 2)
  await reportVerify(segment, line)
  await reportDrift(segment, line)
  await reportDirector()

  async function measureNetlink(): Promise<Figure[]> {
    const editProcess = fileURLToPath(new URL('./edit-process.ts', import.meta.url))
    return await measure(
      [
        {
          name: 'ip -batch',
          run: () => timed(() => host.run('ip', ['-batch', '-'], { input: IP_BATCH })),
          reset: unbindAll,
        },
        {
          name: 'rs-agent netlink',
          run: async () =>
            Number(await host.run(process.execPath, [editProcess], { input: VIPS.join('\n') })),
        },
      ],
      15,
    )
  }

  async function measureManyVips(): Promise<Figure[]> {
    await using agent = new Agent(host, MANY_VIPS)
    const sysctls = ['all', 'eth0'].flatMap(nic => [
      `net.ipv4.conf.${nic}.arp_ignore=1`,
      `net.ipv4.conf.${nic}.arp_announce=2`,
    ])
    return await measure(
      [
        {
          name: 'ip -batch + sysctl -p',
          run: () =>
            timed(async () => {
              await host.run('sysctl', ['-q', '-p', '-'], { input: `${sysctls.join('\n')}\n` })
              await host.run('ip', ['-batch', '-'], { input: IP_BATCH })
            }),
          reset: unbindAll,
        },
        {
          name: 'rs-agent apply',
          run: () => timed(() => expectExit(agent, ['apply'], 0)),
          reset: async () => expectExit(agent, ['remove'], 0),
        },
      ],
      9,
    )
  }

  async function measureStartUp(): Promise<Figure[]> {
    await using agent = new Agent(host, ONE_VIP)
    await expectExit(agent, ['apply'], 0)
    const run = (args: string[]) => () => timed(() => expectExit(agent, args, 0))
    const figures = await measure(
      [
        {
          name: 'node hello',
          run: () => timed(() => host.run(process.execPath, ['-e', 'console.log("hello")'])),
        },
        { name: 'rs-agent plan', run: run(['plan']) },
        { name: 'rs-agent apply', run: run(['apply']) },
      ],
      25,
    )
    await expectExit(agent, ['remove'], 0)
    return figures
  }

  async function unbindAll(): Promise<void> {
    await host.run('ip', ['addr', 'flush', 'dev', 'lo', 'to', '10.20.0.0/16'])
    await host.run('ip', ['route', 'flush', 'root', '10.20.0.0/16'])
  }
} finally {
  await segment[Symbol.asyncDispose]()
}

/** Where this machine's kernel has no IPVS, in a guest, whose clock counts instructions: ratios hold there as well. */
async function reportDirector(): Promise<void> {
  const programs = ['./ipvs.ts', './reload.ts', './peers.ts', './hundred.ts'].map(name =>
    fileURLToPath(new URL(name, import.meta.url)),
  )
  if (hasIpvs()) {
    for (const program of programs) await execa(process.execPath, [program], { stdio: 'inherit' })
    return
  }
  line('\nin a guest, whose kernel has IPVS:')
  await using guest = await bootGuest({ kernel: 'newest' })
  for (const program of programs) {
    const { exitCode, stderr } = await guest.run(process.execPath, [program], {
      timeoutMs: 60 * 60_000,
      onOutput: (name, chunk) => name === 'stdout' && process.stdout.write(chunk),
    })
    if (exitCode !== 0) throw new Error(`${program} ended with ${exitCode}: ${stderr}`)
  }
}

/** Prints the figures and the ratio to the first one, which is what they are measured against. */
function report(title: string, against: string, figures: Figure[], target: number): void {
  const base = figures.find(({ name }) => name === against)?.medianMs ?? Number.NaN
  line(`\n${title} (${cpus().length} CPUs, medians of ${figures[0]?.runs})`)
  for (const { name, medianMs, spreadMs } of figures) {
    const ratio = medianMs / base
    const verdict =
      name === against
        ? ''
        : `  ${ratio.toFixed(2)} x, wanted at most ${target}${ratio <= target ? '' : ': MISSED'}`
    line(`  ${name.padEnd(24)} ${ms(medianMs).padStart(9)} ±${spreadMs.toFixed(1)}${verdict}`)
  }
}

async function expectExit(agent: Agent, args: string[], exitCode: number): Promise<void> {
  const finished = await agent.run(args)
  if (finished.exitCode !== exitCode)
    throw new Error(`rs-agent ${args.join(' ')} exited ${finished.exitCode}: ${finished.stderr}`)
}

function line(text: string): void {
  process.stdout.write(`${text}\n`)
}
