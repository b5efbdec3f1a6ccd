import type {
  Destination,
  DestinationKey,
  FoundDestination,
  FoundPool,
  FoundService,
  IpvsInfo,
  IpvsTimeouts,
  ServiceKey,
  SyncDaemon,
  SyncRole,
  VirtualService,
} from '../model/ipvs.ts'

/** One change of the table of virtual services. */
export type IpvsEdit =
  | { edit: 'add-service' | 'edit-service'; service: VirtualService }
  /** With its destinations. */
  | { edit: 'delete-service'; key: ServiceKey }
  /** To edit one keeps its connections and counters. */
  | { edit: 'add-destination' | 'edit-destination'; key: ServiceKey; destination: Destination }
  | { edit: 'delete-destination'; key: ServiceKey; destination: DestinationKey }
  /** All services, whoever made them. */
  | { edit: 'flush' }

/**
 * The kernel's IPVS in the namespace that the process runs in. All of it needs CAP_NET_ADMIN, reading too: without,
 * AgentError `missing-capability`.
 */
export interface Ipvs {
  info(): Promise<IpvsInfo>
  services(): Promise<FoundService[]>
  /** Null when there is no such service. */
  service(key: ServiceKey): Promise<FoundService | null>
  /** In the kernel's order; none when there is no such service. */
  destinations(key: ServiceKey): Promise<FoundDestination[]>
  /**
   * All services with their destinations. A service that comes or goes while they are read is no error: it is read,
   * or left out.
   */
  table(): Promise<FoundPool[]>
  /**
   * What the kernel tells of the table in one go: two glances are alike as long as no service or destination comes or
   * goes, and nobody changes a scheduler, persistence, forwarding method or weight. The cheap check for drift, many
   * times faster than `table`: take one BEFORE a table that is as it should be, and read the table again when another
   * differs. It tells nothing of thresholds, the ends of tunnels, flags of schedulers, persistence engines and, for
   * IPv6, one-packet scheduling: only `table` does. One that is taken during a change may hold half of it.
   */
  glance(): Promise<string>
  /**
   * Makes the edits in order, in batches. An edit that cannot be (AgentError `failed`) is told before any is sent. At
   * a refusal of the kernel's the others of its batch were made, and the batches behind it were not sent.
   */
  edit(edits: readonly IpvsEdit[]): Promise<void>
  timeouts(): Promise<IpvsTimeouts>
  /** Those that are absent stay as they are. */
  setTimeouts(timeouts: Partial<IpvsTimeouts>): Promise<void>
  /** One of each role at most. */
  daemons(): Promise<SyncDaemon[]>
  startDaemon(daemon: SyncDaemon): Promise<void>
  stopDaemon(role: SyncRole): Promise<void>
  /** Sets the counters of one service and its destinations to 0, or without a key those of all. */
  zero(key?: ServiceKey): Promise<void>
  close(): void
}

/**
 * The kernel's own, over generic netlink. Throws AgentError `unsupported` when the kernel has no IPVS: to load the
 * module is the caller's business. Loaded when it is asked for: a real server does without.
 */
export async function openIpvs(): Promise<Ipvs> {
  return (await import('./netlink/ipvs/ipvs.ts')).openKernelIpvs()
}
