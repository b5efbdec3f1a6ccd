import { startApache } from '../support/apache.ts'
import type { Host } from '../support/host.ts'
import { Agent } from '../support/rs-agent.ts'
import type { Segment } from '../support/segment.ts'
import type { Snapshot } from '../support/snapshot.ts'
import { SteadyClient } from '../support/steady-client.ts'

export const vip = '10.10.10.100'
export const directorAddress = '10.10.10.11'
const realServerAddresses = ['10.10.10.12', '10.10.10.13'] as const

export const realServerConfig = `realServer:
  vips:
    - address: ${vip}
      ports: [80/tcp]
  directors: [${directorAddress}]
`

export const directorConfig = `director:
  interface: eth0
  services:
    - listen: ${vip}:80/tcp
      scheduler: rr
      realServers:
${realServerAddresses.map(address => `        - { address: ${address} }\n`).join('')}`

/** A host with rs-agent on it. */
export interface Member {
  host: Host
  agent: Agent
  /** Before anything was done to it. */
  before: Snapshot
}

export interface Cluster {
  client: Host
  /** Fetches pages from the client. */
  visitor: SteadyClient
  director: Member
  rs1: Member
  rs2: Member
}

/** A client, a director and two real servers (Apache) on one segment; it goes with the segment. */
export async function buildCluster(segment: Segment): Promise<Cluster> {
  // The client is also the segment's way out: a real server proves its data path towards its gateway.
  const gateway = '10.10.10.10'
  const client = await segment.addHost('client', `${gateway}/24`)
  const [director, rs1, rs2] = await Promise.all([
    segment.addHost('director', `${directorAddress}/24`, { gateway }),
    segment.addHost('rs1', `${realServerAddresses[0]}/24`, { gateway }),
    segment.addHost('rs2', `${realServerAddresses[1]}/24`, { gateway }),
  ])
  await Promise.all([startApache(rs1), startApache(rs2)])
  return {
    client,
    visitor: await SteadyClient.start(client),
    director: await join(director, directorConfig),
    rs1: await join(rs1, realServerConfig),
    rs2: await join(rs2, realServerConfig),
  }
}

async function join(host: Host, config: string): Promise<Member> {
  return { host, agent: new Agent(host, config), before: await host.snapshot() }
}
