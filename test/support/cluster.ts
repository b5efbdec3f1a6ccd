import { type Apache, type ApacheOptions, startApache } from './apache.ts'
import type { Host } from './host.ts'
import { NfsServer } from './nfs-server.ts'
import { Agent, type RunOptions } from './rs-agent.ts'
import { Segment } from './segment.ts'
import { SteadyClient } from './steady-client.ts'

export const VIP = '10.10.10.100'
export const VIP6 = '2001:db8:10::100'
export const RIPS = ['10.10.10.12', '10.10.10.13'] as const
export const RIPS6 = ['2001:db8:10::12', '2001:db8:10::13'] as const

const NFS = '10.10.10.30/24'

/** A host with its own command line. */
export interface Member {
  host: Host
  agent: Agent
}

/** Each real server has its own pages, or all mount those of an NFS server. */
export type Pages = 'own' | 'shared'

/**
 * The cluster of the guides on a kernel with IPVS: a client, a director and two real servers on one segment. The
 * real servers are made by `rs-agent apply`; what the director is, each test says.
 */
export class Cluster implements AsyncDisposable {
  readonly segment: Segment
  readonly client: Host
  readonly visitor: SteadyClient
  readonly director: Member
  readonly realServers: readonly [Member, Member]
  readonly #nfs: NfsServer | undefined
  readonly #webServers: Apache[] = []

  /** Needs a kernel with IPVS, as a module or built in, and for shared pages with NFS: fails without. */
  static async build(pages: Pages = 'own'): Promise<Cluster> {
    const segment = await Segment.build()
    const client = await segment.addHost('client', '10.10.10.10/24')
    const director = await segment.addHost('director', '10.10.10.11/24')
    const rs1 = await segment.addHost('rs1', `${RIPS[0]}/24`)
    const rs2 = await segment.addHost('rs2', `${RIPS[1]}/24`)
    const nfs = pages === 'shared' ? await NfsServer.start(await segment.addHost('nfs', NFS)) : undefined
    await director.run('modprobe', ['ip_vs'])
    await Promise.all(segment.hosts.map(addIpv6))
    const visitor = await SteadyClient.start(client)
    const member = (host: Host, config: string | null) => ({ host, agent: new Agent(host, config) })
    const realServers = [member(rs1, REAL_SERVER_CONFIG), member(rs2, REAL_SERVER_CONFIG)] as const
    const cluster = new Cluster(segment, client, visitor, member(director, null), realServers, nfs)
    for (const [index, { agent }] of realServers.entries()) {
      await cluster.startWeb(index)
      await succeed(agent, 'apply')
    }
    return cluster
  }

  private constructor(
    segment: Segment,
    client: Host,
    visitor: SteadyClient,
    director: Member,
    realServers: readonly [Member, Member],
    nfs: NfsServer | undefined,
  ) {
    this.segment = segment
    this.client = client
    this.visitor = visitor
    this.director = director
    this.realServers = realServers
    this.#nfs = nfs
  }

  /** The server of shared pages. */
  get nfs(): NfsServer {
    if (!this.#nfs) throw new Error('this cluster has no NFS server: build it with shared pages')
    return this.#nfs
  }

  /** Of the real servers, in their order. */
  get webServers(): readonly Apache[] {
    return this.#webServers
  }

  /** Starts the web server of a real server; one that is there is ended first. */
  async startWeb(index: number): Promise<void> {
    const { host } = this.realServers[index] ?? {}
    if (host === undefined) throw new Error(`there is no real server ${index}`)
    this.#webServers[index]?.signal('SIGKILL')
    await this.#webServers[index]?.ended
    this.#webServers[index] = await startApache(host, this.#nfs && { share: this.#nfs.share })
  }

  /** One more real server, made by hand and within milliseconds, for faults that `rs-agent apply` would not leave. */
  async addRealServer(name: string, address: string, options: ApacheOptions = {}): Promise<Host> {
    const host = await this.segment.addHost(name, `${address}/24`)
    await host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
    await host.namespace.writeSysctl('ipv4/conf/all/arp_announce', 2)
    await host.namespace.ip(`addr add ${VIP}/32 dev lo`)
    await startApache(host, options)
    return host
  }

  /** What the kernel's table holds, as the rules of `ipvsadm --restore`. */
  async rules(): Promise<string[]> {
    return (await this.director.host.run('ipvsadm', ['-Sn'])).split('\n').filter(Boolean).sort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { agent } of [this.director, ...this.realServers]) await agent[Symbol.asyncDispose]()
    await this.segment[Symbol.asyncDispose]()
  }
}

/** Runs a command that must end with 0, and gives its JSON. */
export async function succeed<Report>(agent: Agent, command: string, options?: RunOptions): Promise<Report> {
  const finished = await agent.run([...command.split(' '), '--json'], options)
  if (finished.exitCode === 0) return finished.json<Report>()
  const { exitCode, stdout, stderr } = finished
  throw new Error(`rs-agent ${command}: exit code ${exitCode}:\n${stdout}${stderr}`)
}

/** A real server as a configuration of the director names it. */
export interface Destination {
  address: string
  weight?: number
}

/** A configuration with one service for each VIP, of port 80; `more` is lines below `director:`. */
export function directorConfig(
  destinations: readonly Destination[],
  { vip = VIP, scheduler = 'rr', more = '' }: { vip?: string; scheduler?: string; more?: string } = {},
): string {
  return `director:\n  interface: eth0\n${more}  services:\n${serviceConfig(vip, destinations, scheduler)}`
}

export function serviceConfig(vip: string, destinations: readonly Destination[], scheduler = 'rr'): string {
  const listen = vip.includes(':') ? `[${vip}]:80/tcp` : `${vip}:80/tcp`
  const realServers = destinations.map(
    ({ address, weight = 1 }) => `        - { address: '${address}', weight: ${weight} }\n`,
  )
  return `    - listen: '${listen}'\n      scheduler: ${scheduler}\n      realServers:\n${realServers.join('')}`
}

const REAL_SERVER_CONFIG = `realServer:
  vips:
    - { address: ${VIP}, ports: [80/tcp] }
    - { address: '${VIP6}', ports: [80/tcp] }
  directors: [10.10.10.11]
`

async function addIpv6({ namespace, address }: Host): Promise<void> {
  const number = address.split('.').at(-1)
  await namespace.ip(`addr add 2001:db8:10::${number}/64 dev eth0 nodad`)
}
