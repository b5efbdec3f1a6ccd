/**
 * What a reload of `director run` costs beside the diff alone (`director plan`), with 1,000 services whose real servers
 * are all checked. Needs a kernel with IPVS.
 */
import { DirectorRun } from '../support/director-run.ts'
import { firstLine } from '../support/first-line.ts'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { command } from './contestants.ts'
import type { Measured } from './figure.ts'
import { measure } from './measure.ts'

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

export async function measureReload(): Promise<Measured[]> {
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
  const peer = 'director plan'
  return await measure(
    [
      { name: peer, ...command(agent, ['director', 'plan']) },
      { name: 'reload, all as before', run: () => reload(agent, run, weight), peer },
      { name: 'reload, 2,000 weights', run: () => reload(agent, run, ++weight), peer },
    ],
    ROUNDS,
  )
}

/** From the signal until the kernel has it. */
async function reload(agent: Agent, run: DirectorRun, weight: number): Promise<number> {
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
