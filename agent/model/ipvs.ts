import { type AddressFamily, familyOf, type IpAddress, withPort } from './address.ts'

/**
 * Terms of the kernel's IPVS. Names and limits of include/uapi/linux/ip_vs.h and net/netfilter/ipvs/ip_vs_ctl.c.
 */

export type Protocol = 'tcp' | 'udp' | 'sctp'

/** What makes a virtual service the one that it is. */
export type ServiceKey =
  | {
      kind: 'address'
      protocol: Protocol
      address: IpAddress
      /** 0 stands for every port; only a persistent service may have it. */
      port: number
    }
  | {
      kind: 'firewallMark'
      /** 1 to 2^32 - 1, as a packet filter sets it. */
      mark: number
      family: AddressFamily
    }

export interface VirtualService {
  key: ServiceKey
  /** One of SCHEDULERS, or one that only this kernel knows. */
  scheduler: string
  /** In the order of their bits, by the names that the scheduler gives them: see schedulerFlags. */
  schedulerFlags: readonly SchedulerFlag[]
  /** One-packet scheduling (`ops`): no connection is remembered; for UDP. */
  onePacket: boolean
  persistence: Persistence | null
  /** Name of the persistence engine: `sip` is the only one of the kernel. */
  persistenceEngine: string | null
}

/** Clients of one network stay with one real server. */
export interface Persistence {
  timeoutSeconds: number
  /** How much of a client's address counts: for IPv4 a mask such as 255.255.255.255, for IPv6 a prefix length. */
  netmask: IpAddress | number
}

/** Bits 1 to 3 of the scheduler's own; `sh` and `mh` have names for the first two. */
export type SchedulerFlag =
  | 'sh-fallback'
  | 'sh-port'
  | 'mh-fallback'
  | 'mh-port'
  | 'flag-1'
  | 'flag-2'
  | 'flag-3'

/** One real server of a virtual service. */
export interface Destination {
  address: IpAddress
  /** What direct routing and tunnels leave as it is: there it is the port of the service. */
  port: number
  forwarding: Forwarding
  /** 0 (no new connections) to 2^31 - 1. */
  weight: number
  /** Connections from which on it gets no new ones, 0 for no limit. */
  upperThreshold: number
  /** Connections below which it gets new ones again, 0 for three quarters of the upper one. */
  lowerThreshold: number
}

export type Forwarding =
  | { method: 'direct-route' }
  | { method: 'masquerade' }
  | { method: 'tunnel'; tunnel: Tunnel }
  /** Told by the kernel: the address is this host's own. */
  | { method: 'local' }
  /** Told by the kernel: straight to where the client wanted to go (cache cluster). */
  | { method: 'bypass' }

export type Tunnel =
  | { type: 'ipip' }
  /** `port` is the UDP port of the far end. */
  | { type: 'gue'; port: number; checksum: TunnelChecksum }
  | { type: 'gre'; checksum: TunnelChecksum }

/** Of the outer header: none, its own, or one that offloads the inner one (remote checksum offload, GUE only). */
export type TunnelChecksum = 'none' | 'full' | 'remote'

/** What makes a destination the one that it is within its service. */
export type DestinationKey = Pick<Destination, 'address' | 'port'>

/**
 * Since the service or destination was made or set to zero, as the kernel last added its CPUs' counts up, which it
 * does every two seconds (net.ipv4.vs.run_estimation). A destination that comes back to the same service while the
 * kernel remembers connections to it comes back with its counts (ip_vs_trash_get_dest). Exact up to 2^53, above that
 * rounded. Rates are the kernel's, smoothed over some seconds.
 */
export interface Traffic {
  connections: number
  inPackets: number
  outPackets: number
  inBytes: number
  outBytes: number
  connectionsPerSecond: number
  inPacketsPerSecond: number
  outPacketsPerSecond: number
  inBytesPerSecond: number
  outBytesPerSecond: number
}

export interface FoundService extends VirtualService {
  traffic: Traffic
}

export interface FoundDestination extends Destination {
  activeConnections: number
  inactiveConnections: number
  persistentConnections: number
  traffic: Traffic
}

/** A virtual service with its real servers, in the kernel's order. */
export interface Pool<Service = VirtualService, RealServer = Destination> {
  service: Service
  destinations: RealServer[]
}

export type FoundPool = Pool<FoundService, FoundDestination>

/** Tells connections to a director that can take over (master), or hears of them (backup). */
export interface SyncDaemon {
  role: SyncRole
  /** The link that carries its multicast. */
  interface: string
  /** 0 to 255; a backup told 0 hears every master. */
  syncId: number
  /** Largest UDP payload in bytes; by the kernel from the link's MTU when absent. */
  maxLength?: number
  /** 224.0.0.81 when absent. */
  group?: IpAddress
  /** 8848 when absent. */
  port?: number
  /** 1 when absent. */
  ttl?: number
}

export type SyncRole = 'master' | 'backup'

export interface IpvsInfo {
  /** Like `1.2.1`. */
  version: string
  /** Buckets of the connection table. */
  connectionTableSize: number
}

/** How long a connection is remembered without a packet. */
export interface IpvsTimeouts {
  tcpSeconds: number
  /** After a FIN. */
  tcpFinSeconds: number
  udpSeconds: number
}

/** The schedulers of Linux 7.3, each a module of its own. */
export const SCHEDULERS: ReadonlyMap<string, { title: string; module: string }> = new Map(
  Object.entries({
    rr: 'round robin',
    wrr: 'weighted round robin',
    lc: 'least connections',
    wlc: 'weighted least connections',
    fo: 'weighted failover',
    ovf: 'weighted overflow',
    lblc: 'locality-based least connections',
    lblcr: 'locality-based least connections with replication',
    dh: 'destination hashing',
    sh: 'source hashing',
    sed: 'shortest expected delay',
    nq: 'never queue',
    twos: 'weighted power of two choices',
    mh: 'Maglev hashing',
  }).map(([name, title]) => [name, { title, module: `ip_vs_${name}` }]),
)

/** Names of the scheduler's three flags, from bit 1 on (IP_VS_SVC_F_SCHED1 to 3). */
export function schedulerFlags(scheduler: string): readonly [SchedulerFlag, SchedulerFlag, SchedulerFlag] {
  if (scheduler === 'sh') return ['sh-fallback', 'sh-port', 'flag-3']
  if (scheduler === 'mh') return ['mh-fallback', 'mh-port', 'flag-3']
  return ['flag-1', 'flag-2', 'flag-3']
}

/** `10.10.10.100:80/tcp`, `[2001:db8::100]:80/udp`, `firewall mark 1`, `firewall mark 1 (IPv6)`: one per key. */
export function serviceText(key: ServiceKey): string {
  if (key.kind === 'address') return `${withPort(key.address, key.port)}/${key.protocol}`
  return `firewall mark ${key.mark}${key.family === 6 ? ' (IPv6)' : ''}`
}

/** `10.10.10.12:80`: one per destination of a service. */
export function destinationText({ address, port }: DestinationKey): string {
  return withPort(address, port)
}

export function serviceFamily(key: ServiceKey): AddressFamily {
  return key.kind === 'address' ? familyOf(key.address) : key.family
}

/** An entry of the connection table. */
export interface Connection {
  /** `tcp`, `udp`, `sctp`; `ip` for a persistence template of several ports. */
  protocol: string
  client: IpAddress
  /** 0 in a persistence template, which stands for all connections of a client. */
  clientPort: number
  vip: IpAddress
  vipPort: number
  realServer: IpAddress
  realServerPort: number
  /** As the kernel names it: ESTABLISHED, FIN_WAIT, UDP, … */
  state: string
  expiresSeconds: number
}
