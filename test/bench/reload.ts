/**
 * What a reload of `director run` costs beside the diff alone (`director plan`), with 1,000 services. Runs where the
 * kernel has IPVS; bench.ts boots a guest where this machine's has none.
 */

import { DirectorRun } from '../support/director-run.ts'
import { firstLine } from '../support/first-line.ts'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { measure, ms } from './measure.ts'

const ROUNDS = 5
const FIRST_PORT = 20_000
const PORTS = Array.from({ length: 1000 }, (_, index) => FIRST_PORT + index)
const LISTEN = `
  const ports = ${JSON.stringify(PORTS)}
  let listening = 0
  for (const port of ports)
    require('node:net').createServer(socket => socket.destroy()).listen(port, () => {
      if (++listening === ports.length) console.log('ready')
    })
`
const RIPS = ['10.10.10.12', '10.10.10.13']

await using segment = await Segment.build()
const director = await segment.addHost('director', '10.10.10.11/24')
for (const [index, rip] of RIPS.entries()) {
  const realServer = await segment.addHost(`rs${index + 1}`, `${rip}/24`)
  await firstLine(realServer.spawn(process.execPath, ['-e', LISTEN]))
}
await director.run('modprobe', ['-a', 'ip_vs', 'ip_vs_rr'])
await using agent = new Agent(director, configOf(1))
await using run = await DirectorRun.start(agent)

let weight = 1
const figures = await measure(
  [
    {
      name: 'director plan',
      async run() {
        const { exitCode, stderr } = await agent.run(['director', 'plan'])
        if (exitCode !== 0) throw new Error(`director plan ended with ${exitCode}: ${stderr}`)
        return undefined
      },
    },
    {
      name: 'reload, all as before',
      run: () => reload(weight),
    },
    {
      name: 'reload, 2,000 weights',
      run: () => reload(++weight),
    },
  ],
  ROUNDS,
)
const base = figures[0]?.medianMs ?? Number.NaN
process.stdout.write(`\nreload of 1,000 services, each real server checked (medians of ${ROUNDS})\n`)
for (const { name, medianMs, spreadMs } of figures)
  process.stdout.write(
    `  ${name.padEnd(24)} ${ms(medianMs).padStart(9)} ±${spreadMs.toFixed(1)}  ${(medianMs / base).toFixed(2)} x\n`,
  )

/** From the signal until the kernel has it. */
async function reload(weight: number): Promise<number> {
  agent.configure(configOf(weight))
  const startedAt = performance.now()
  run.signal('SIGHUP')
  await run.says(/read again/)
  return performance.now() - startedAt
}

function configOf(weight: number): string {
  const realServers = RIPS.map(address => `{ address: ${address}, weight: ${weight} }`).join(', ')
  const services = PORTS.map(
    port => `    - listen: 10.10.10.100:${port}/tcp
      realServers: [${realServers}]
      check: { type: tcp, interval: 10s }
`,
  )
  return `director:\n  interface: eth0\n  services:\n${services.join('')}`
}
