import { startArpStorm } from '../../support/arp-storm.ts'
import type { Row, Site } from '../../support/fault-row.ts'
import { IPV4 } from '../../support/neighbourhood.ts'

const { vip } = IPV4

/** Until the row is over, or for 30 s of CPU time each. */
async function keepCpusBusy({ server }: Site): Promise<void> {
  for (let cpu = 0; cpu < 2; cpu++) server.spawn('prlimit', ['--cpu=30', 'sh', '-c', 'while :; do :; done'])
}

async function flood({ neighbourhood }: Site): Promise<void> {
  await startArpStorm(neighbourhood.sibling, vip, { perSecond: 2000, limitMs: 20_000 })
}

/** Spreads the receive work of the NIC over both CPUs: answers then come from another CPU, and later. */
function steerPackets({ server }: Site): Promise<string> {
  const steer = 'mount -t sysfs sysfs /sys && echo 3 > /sys/class/net/eth0/queues/rx-0/rps_cpus'
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
