import { cpus } from 'node:os'
import { startArpStorm } from '../../support/arp-storm.ts'
import type { Row, Site } from '../../support/fault-row.ts'
import { firstLine } from '../../support/first-line.ts'
import { IPV4 } from '../../support/neighbourhood.ts'

const { vip } = IPV4

/** Until the row is over, or for 30 s of CPU time each. */
async function keepCpusBusy({ server }: Site): Promise<void> {
  for (let cpu = 0; cpu < 2; cpu++) server.spawn('prlimit', ['--cpu=30', 'sh', '-c', 'while :; do :; done'])
}

async function flood({ neighbourhood }: Site): Promise<void> {
  await startArpStorm(neighbourhood.sibling, vip, { perSecond: 2000, limitMs: 20_000 })
}

/** Twenty clients at once, through the director, until the neighbourhood goes. */
async function fetchPages({ neighbourhood: { segment, director } }: Site): Promise<void> {
  const client = await segment.addHost('client', '10.10.10.50/24')
  await client.namespace.ip(`neigh add ${vip} lladdr ${director.mac} dev eth0 nud permanent`)
  const program = `
    const { get } = require('node:http')
    let pages = 0
    const fetchPage = () =>
      get({ host: '${vip}', agent: false }, answer => answer.resume().on('end', next))
        .on('error', next)
    const next = () => { if (++pages === 100) console.log('fetching'); fetchPage() }
    for (let clients = 0; clients < 20; clients++) fetchPage()`
  await firstLine(client.spawn(process.execPath, ['-e', program]))
}

/** Spreads the receive work of the NIC over all CPUs: answers then come from another CPU, and later. */
function steerPackets({ server }: Site): Promise<string> {
  // A guest has one CPU, and takes no mask of more.
  const mask = (2 ** Math.min(cpus().length, 8) - 1).toString(16)
  const steer = `mount -t sysfs sysfs /sys && echo ${mask} > /sys/class/net/eth0/queues/rx-0/rps_cpus`
  return server.run('unshare', ['--mount', 'sh', '-c', steer])
}

export const loadRows: Row[] = [
  {
    name: 'RPS is on',
    fault: steerPackets,
    verify: {},
  },
  {
    name: 'a neighbour asks for the VIP 2,000 times a second',
    fault: flood,
    spoilsNeighbours: true,
    runsAlone: true,
    verify: {},
  },
  {
    name: 'clients fetch pages all the time',
    fault: fetchPages,
    spoilsNeighbours: true,
    runsAlone: true,
    verify: {},
  },
  {
    name: 'every CPU is busy',
    fault: keepCpusBusy,
    runsAlone: true,
    verify: {},
  },
  {
    name: 'every CPU is busy, RPS is on and a neighbour asks for the VIP 2,000 times a second',
    fault: async site => {
      await steerPackets(site)
      await flood(site)
      await keepCpusBusy(site)
    },
    spoilsNeighbours: true,
    runsAlone: true,
    verify: {},
  },
]
