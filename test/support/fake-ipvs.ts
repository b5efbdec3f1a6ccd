import type { Ipvs, IpvsEdit } from '../../agent/host/ipvs.ts'
import { familyOf } from '../../agent/model/address.ts'
import {
  type Destination,
  type FoundPool,
  type Pool,
  SCHEDULERS,
  type ServiceKey,
  type SyncDaemon,
  serviceFamily,
  serviceText,
  type Traffic,
  type VirtualService,
} from '../../agent/model/ipvs.ts'
import type { FoundIpvs } from '../../agent/reconcile/found.ts'

/** Of a service or real server that nobody has used yet. */
export const NO_TRAFFIC: Traffic = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionsPerSecond: 0,
  inPacketsPerSecond: 0,
  outPacketsPerSecond: 0,
  inBytesPerSecond: 0,
  outBytesPerSecond: 0,
}

/** As the kernel tells a service that was just made. */
export function unusedPool({ service, destinations }: Pool): FoundPool {
  return {
    service: { ...service, traffic: NO_TRAFFIC },
    destinations: destinations.map(destination => ({
      ...destination,
      activeConnections: 0,
      inactiveConnections: 0,
      persistentConnections: 0,
      traffic: NO_TRAFFIC,
    })),
  }
}

/** What the kernel fills in for a sync daemon (net/netfilter/ipvs/ip_vs_sync.c), on a NIC with an MTU of 1500. */
const DAEMON_DEFAULTS = { group: '224.0.0.81', port: 8848, ttl: 1, maxLength: 1472 } as Partial<SyncDaemon>

/** The table, timeouts and sync daemons of a kernel: each piece of work is made or refused by its rules. */
export interface FakeIpvs {
  found: FoundIpvs
  links: readonly { name: string }[]
}

/**
 * An IPVS in memory by the rules of net/netfilter/ipvs/ip_vs_ctl.c. `change` wraps each single change, so that a test
 * can watch it or have it fail; `kernel` gives the state as it is at that moment.
 */
export function fakeIpvs(kernel: () => FakeIpvs, change: (what: string, make: () => void) => void): Ipvs {
  const table = (): FoundPool[] => kernel().found.pools
  const unneeded = async (): Promise<never> => {
    throw new Error('not part of this fake')
  }
  return {
    info: unneeded,
    zero: unneeded,
    // What it holds, and not how many connections.
    glance: async () =>
      JSON.stringify(
        table().map(({ service, destinations }) => [
          serviceText(service.key),
          destinations.map(({ address, port, weight }) => [address, port, weight]),
        ]),
      ),
    services: async () => structuredClone(table().map(({ service }) => service)),
    service: async key => structuredClone(findPool(table(), key)?.service ?? null),
    destinations: async key => structuredClone(findPool(table(), key)?.destinations ?? []),
    table: async () => structuredClone(table()),
    async edit(edits) {
      const refusals: unknown[] = []
      for (const edit of edits)
        change(JSON.stringify(edit), () => {
          // The others of a batch are made all the same.
          try {
            makeEdit(table(), edit)
          } catch (error) {
            refusals.push(error)
          }
        })
      if (refusals.length > 0) throw refusals[0]
    },
    timeouts: async () => structuredClone(kernel().found.timeouts) as Awaited<ReturnType<Ipvs['timeouts']>>,
    setTimeouts: async timeouts =>
      change(`timeouts ${JSON.stringify(timeouts)}`, () => Object.assign(kernel().found.timeouts, timeouts)),
    daemons: async () => structuredClone(kernel().found.daemons),
    startDaemon: async daemon =>
      change(`start the ${daemon.role} daemon`, () => startDaemon(kernel(), daemon)),
    stopDaemon: async role =>
      change(`stop the ${role} daemon`, () => {
        const { daemons } = kernel().found
        const index = daemons.findIndex(daemon => daemon.role === role)
        if (index === -1) throw new Error(`ESRCH ${role} daemon`)
        daemons.splice(index, 1)
      }),
    close: () => undefined,
  }
}

function makeEdit(table: FoundPool[], edit: IpvsEdit): void {
  switch (edit.edit) {
    case 'add-service':
      if (findPool(table, edit.service.key) !== undefined) throw refusal('EEXIST', edit.service.key)
      refuseService(edit.service)
      table.push(unusedPool({ service: edit.service, destinations: [] }))
      break
    case 'edit-service': {
      const pool = poolOf(table, edit.service.key)
      refuseService(edit.service)
      Object.assign(pool.service, edit.service)
      break
    }
    case 'delete-service':
      table.splice(table.indexOf(poolOf(table, edit.key)), 1)
      break
    case 'add-destination': {
      const pool = poolOf(table, edit.key)
      refuseDestination(edit.destination, edit.key)
      if (indexIn(pool, edit.destination) !== -1) throw refusal('EEXIST', edit.key)
      // Newest first.
      pool.destinations.unshift(
        ...unusedPool({ service: pool.service, destinations: [edit.destination] }).destinations,
      )
      break
    }
    case 'edit-destination': {
      const pool = poolOf(table, edit.key)
      refuseDestination(edit.destination, edit.key)
      const found = pool.destinations[indexIn(pool, edit.destination)]
      if (found === undefined) throw refusal('ENOENT', edit.key)
      Object.assign(found, edit.destination)
      break
    }
    case 'delete-destination': {
      const pool = poolOf(table, edit.key)
      const index = indexIn(pool, edit.destination)
      if (index === -1) throw refusal('ENOENT', edit.key)
      pool.destinations.splice(index, 1)
      break
    }
    case 'flush':
      table.splice(0)
      break
    default:
      edit satisfies never
  }
}

function refuseService({ key, scheduler, persistence }: VirtualService): void {
  if (!SCHEDULERS.has(scheduler)) throw refusal('ENOENT', key)
  if (key.kind === 'address' && key.port === 0 && persistence === null) throw refusal('EINVAL', key)
  if (persistence !== null && (serviceFamily(key) === 6) !== (typeof persistence.netmask === 'number'))
    throw refusal('EINVAL', key)
}

function refuseDestination(destination: Destination, key: ServiceKey): void {
  const { address, weight, upperThreshold, lowerThreshold, forwarding } = destination
  if (weight < 0 || lowerThreshold > upperThreshold) throw refusal('ERANGE', key)
  if (familyOf(address) !== serviceFamily(key) && forwarding.method !== 'tunnel') throw refusal('EINVAL', key)
}

function startDaemon({ found, links }: FakeIpvs, daemon: SyncDaemon): void {
  if (found.daemons.some(({ role }) => role === daemon.role)) throw new Error(`EEXIST ${daemon.role} daemon`)
  if (!links.some(({ name }) => name === daemon.interface)) throw new Error(`ENODEV ${daemon.interface}`)
  found.daemons.push({ ...DAEMON_DEFAULTS, ...daemon })
}

function findPool(table: FoundPool[], key: ServiceKey): FoundPool | undefined {
  return table.find(({ service }) => serviceText(service.key) === serviceText(key))
}

function poolOf(table: FoundPool[], key: ServiceKey): FoundPool {
  const pool = findPool(table, key)
  if (pool === undefined) throw refusal('ESRCH', key)
  return pool
}

function indexIn(
  { destinations }: FoundPool,
  { address, port }: Pick<Destination, 'address' | 'port'>,
): number {
  return destinations.findIndex(other => other.address === address && other.port === port)
}

function refusal(code: string, key: ServiceKey): Error {
  return new Error(`${code} ${serviceText(key)}`)
}
