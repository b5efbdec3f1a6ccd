import { DirectorStandIn } from '../support/director-stand-in.ts'
import type { Host } from '../support/host.ts'
import { Agent } from '../support/rs-agent.ts'
import type { Segment } from '../support/segment.ts'
import type { Snapshot } from '../support/snapshot.ts'
import { startWebServer } from '../support/web-server.ts'

export const vip = '10.10.10.100'
export const directorAddress = '10.10.10.11'

export const config = `realServer:
  vips:
    - address: ${vip}
      ports: [80/tcp]
  directors: [${directorAddress}]
`

export interface RealServer {
  host: Host
  agent: Agent
  /** Before anything was done to it. */
  before: Snapshot
}

export interface Cluster {
  client: Host
  director: Host
  standIn: DirectorStandIn
  rs1: RealServer
  rs2: RealServer
}

/** A client, a director and two real servers on one segment; it goes with the segment. */
export async function buildCluster(segment: Segment): Promise<Cluster> {
  // The client is also the segment's way out: a real server proves its data path towards its gateway.
  const gateway = '10.10.10.10'
  const client = await segment.addHost('client', `${gateway}/24`)
  const director = await segment.addHost('director', `${directorAddress}/24`, { gateway })
  const [rs1, rs2] = await Promise.all([
    segment.addHost('rs1', '10.10.10.12/24', { gateway }).then(prepareRealServer),
    segment.addHost('rs2', '10.10.10.13/24', { gateway }).then(prepareRealServer),
  ])
  const standIn = await DirectorStandIn.start(director, { vip, port: 80 })
  return { client, director, standIn, rs1, rs2 }
}

async function prepareRealServer(host: Host): Promise<RealServer> {
  await startWebServer(host)
  return { host, agent: new Agent(host, config), before: await host.snapshot() }
}
