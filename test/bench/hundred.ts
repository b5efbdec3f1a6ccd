/**
 * A director with 100 real servers, their pages on one NFS server: all of them are made, proved and asked, and what
 * reaches the client is compared with what passes the director. Needs a kernel with IPVS and NFS.
 */
import { PAGE_BYTES, startApache } from '../support/apache.ts'
import { succeed } from '../support/cluster.ts'
import type { Host } from '../support/host.ts'
import { NfsServer } from '../support/nfs-server.ts'
import { trafficDuring } from '../support/nic-traffic.ts'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { SteadyClient, type Tally } from '../support/steady-client.ts'
import type { Measured } from './figure.ts'
import { progress } from './progress.ts'
import { countOf } from './samples.ts'

const REAL_SERVERS = 100
const PAGES_EACH = 3
const CLIENT = '10.10.10.10'
const DIRECTOR = '10.10.10.11'
const NFS = '10.10.10.12'
const DIRECT_VIP = '10.10.10.8'
const MASQUERADE_VIP = '10.10.10.9'
const addresses = Array.from({ length: REAL_SERVERS }, (_, index) => `10.10.10.${101 + index}`)
const realServerConfig = `realServer:
  vips: [{ address: ${DIRECT_VIP}, ports: [80/tcp] }]
  directors: [${DIRECTOR}]
`
const directorConfig = `director:
  interface: eth0
  services:
${serviceOf(DIRECT_VIP, 'direct-route')}${serviceOf(MASQUERADE_VIP, 'masquerade')}`

interface Member {
  host: Host
  agent: Agent
}

export async function measureHundred(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const cluster = await build(segment)
  const { director, realServers } = cluster
  for (const { agent } of realServers) await succeed(agent, 'apply')
  progress('apply: done on each')
  await succeed(director.agent, 'director apply')
  for (const { agent } of realServers) await succeed(agent, 'verify')
  progress('verify: passed on each')

  const direct = await fetchAll(cluster, DIRECT_VIP)
  // With masquerade the director must see the replies, and the client is their neighbour.
  for (const { host } of realServers) await host.namespace.ip(`route add ${CLIENT}/32 via ${DIRECTOR}`)
  const masquerade = await fetchAll(cluster, MASQUERADE_VIP)
  return [
    countOf('masquerade', 'bytes', masquerade),
    {
      ...countOf('direct routing', 'bytes', direct),
      peer: 'masquerade',
      target: { of: 'value', bound: 'at least', limit: 10 },
      note: `${PAGES_EACH} pages of 100 kB from each real server`,
    },
  ]
}

interface Cluster {
  client: Host
  visitor: SteadyClient
  director: Member
  realServers: Member[]
}

async function build(segment: Segment): Promise<Cluster> {
  // Also the segment's way out: a real server proves its data path towards its gateway.
  const client = await segment.addHost('client', `${CLIENT}/24`)
  const visitor = await SteadyClient.start(client)
  const nfs = await NfsServer.start(await segment.addHost('nfs', `${NFS}/24`))
  await nfs.write('index.html', 'up\n')
  await nfs.write('100kB', 'x'.repeat(PAGE_BYTES))
  const director = await join(segment, { name: 'director', address: DIRECTOR, config: directorConfig })
  const realServers: Member[] = []
  for (const [index, address] of addresses.entries()) {
    const member = await join(segment, { name: `rs${index + 1}`, address, config: realServerConfig })
    await startApache(member.host, { share: nfs.share })
    realServers.push(member)
  }
  return { client, visitor, director, realServers }
}

async function join(
  segment: Segment,
  { name, address, config }: { name: string; address: string; config: string },
): Promise<Member> {
  const host = await segment.addHost(name, `${address}/24`, { gateway: CLIENT })
  return { host, agent: new Agent(host, config) }
}

/** As many pages from each real server: how many bytes the client received for one that passed the director. */
async function fetchAll(
  { client, visitor, director, realServers }: Cluster,
  address: string,
): Promise<number> {
  let tally: Tally | undefined
  let onDirector = 0
  const { receivedBytes } = await trafficDuring(client, async () => {
    const { receivedBytes, sentBytes } = await trafficDuring(director.host, async () => {
      tally = await visitor.fetch({ address, path: '/100kB' }, PAGES_EACH * REAL_SERVERS)
    })
    onDirector = receivedBytes + sentBytes
  })
  const answers = new Map(Object.entries(tally?.answers ?? {}))
  const short = realServers.filter(({ host }) => answers.get(host.name) !== PAGES_EACH)
  if (short.length > 0)
    throw new Error(`${address}: not ${PAGES_EACH} pages from each real server: ${JSON.stringify(tally)}`)
  return receivedBytes / onDirector
}

function serviceOf(vip: string, forwarding: string): string {
  const list = addresses.map(address => `        - { address: ${address} }\n`).join('')
  return `    - listen: ${vip}:80/tcp
      scheduler: rr
      forwarding: ${forwarding}
      realServers:
${list}`
}
