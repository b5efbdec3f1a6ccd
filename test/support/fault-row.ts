import type { Expectation } from './expectation.ts'
import type { Host } from './host.ts'
import type { KernelFeature } from './kernel-features.ts'
import { IPV4, type Neighbourhood } from './neighbourhood.ts'
import type { Agent } from './rs-agent.ts'
import type { Section } from './snapshot.ts'
import type { WebServer } from './web-server.ts'

/** A real server that was made by apply and serves, on a segment where everybody is healthy. */
export interface Site {
  neighbourhood: Neighbourhood
  server: Host
  agent: Agent
  web: WebServer
}

export interface RealServerConfig {
  vips: { address: string; ports?: string[]; check?: Record<string, unknown> }[]
  interfaces?: string[]
  directors?: string[]
  siblings?: string[]
  clients?: string[]
}

export type AddressFamily = 'ipv4' | 'ipv6'

/** A VIP as the witness sees it. */
export interface Sight {
  /** The status that clients get whom the director sends here, 200 unless told, or `nothing`. */
  byClients?: string
  /** The NICs with cables whose MACs claim the VIP on the segment: none, unless told. */
  claimingNics?: readonly string[]
  /** Where the clients are: behind the gateway, unless told. */
  from?: 'on the segment'
}

/** One fault, and what is true of the real server then. */
export interface Row {
  /** A sentence: what was done to a healthy real server. */
  name: string
  needs?: readonly KernelFeature[]
  /** IPv4 alone, unless told. */
  families?: readonly AddressFamily[]
  /** How the real server is connected: by one plain NIC `eth0`, unless told. Also for what it had before apply. */
  wire?(neighbourhood: Neighbourhood): Promise<Host>
  /** What differs from the usual configuration. */
  config?: Partial<RealServerConfig>
  /** None: verify must accept the host as it is. */
  fault?(site: Site): Promise<unknown>
  /** Whoever connects there leaves a connection half-open. */
  leavesHalfOpen?: true
  /** What changes there by itself, whatever verify does. */
  ticking?: readonly Section[]
  /** Where it is the neighbours that the fault changes: no other row then meets them. */
  spoilsNeighbours?: boolean
  /** Where the fault is load: it would be one for the others as well. */
  runsAlone?: boolean
  /** A program that starts verify, with its arguments. */
  launcher?: readonly string[]
  verify: Expectation
  /** What others see of it. */
  seen?: Sight
  /** Where both families have a VIP and IPv4 is another matter. */
  seenOfIpv4?: Sight
}

/** The usual wiring. */
export function plugInPlainly({ segment }: Neighbourhood): Promise<Host> {
  return segment.addHost('rs', `${IPV4.server}/24`, { gateway: IPV4.gateway })
}
