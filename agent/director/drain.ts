import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { IpAddress } from '../model/address.ts'
import type { FoundDestination } from '../model/ipvs.ts'
import type { Watching } from '../reconcile/converge.ts'
import { convergeDirector } from './converge.ts'
import { directorSection, wantedDirector } from './desired.ts'
import { readDrained, writeDrained } from './drained.ts'
import { recallRotation } from './rotation.ts'

/** Takes a real server out of rotation in every service, or back; false when it was so already. */
export async function setDrained(
  host: Host,
  config: Config,
  address: IpAddress,
  isDrained: 'drained' | 'in rotation',
  watching: Watching,
): Promise<boolean> {
  const before = readDrained(host.files)
  // One that has left the configuration since is forgotten by the same command.
  if (!before.has(address)) refuseUnknown(config, address)
  const after = new Set(before)
  if (isDrained === 'drained') after.add(address)
  else after.delete(address)
  writeDrained(host.files, after)
  try {
    await convergeDirector(host, config, wantedDirector(config, recallRotation(host.files)), watching)
  } catch (error) {
    writeDrained(host.files, before)
    throw error
  }
  return before.has(address) !== after.has(address)
}

/** Between two counts of connections. */
const COUNT_MS = 500

/** What still comes to a real server of weight 0. */
export interface Remaining {
  activeConnections: number
  /** Clients that it keeps by persistence; none where the configuration lets them go elsewhere. */
  persistentClients: number
}

/**
 * Waits until the real server has no active connection left, in any service, and no persistent client that would come
 * back to it; tells how many there are at each count. What is left when the time is over.
 */
export async function waitForConnections(
  host: Host,
  config: Config,
  address: IpAddress,
  { limitMs, signal, onCount }: { limitMs: number; signal: AbortSignal; onCount: (left: Remaining) => void },
): Promise<Remaining> {
  const deadline = performance.now() + limitMs
  const { expireQuiescentTemplate } = directorSection(config)
  for (;;) {
    const counted = await remaining(host, address)
    const left = expireQuiescentTemplate ? { ...counted, persistentClients: 0 } : counted
    onCount(left)
    if (isNothing(left) || performance.now() >= deadline || signal.aborted) return left
    await sleep(COUNT_MS, undefined, { signal }).catch(() => undefined)
  }
}

export function isNothing({ activeConnections, persistentClients }: Remaining): boolean {
  return activeConnections === 0 && persistentClients === 0
}

async function remaining(host: Host, address: IpAddress): Promise<Remaining> {
  const table = (await (await host.ipvs())?.table()) ?? []
  const its = table.flatMap(({ destinations }) => destinations.filter(found => found.address === address))
  const sum = (count: (found: FoundDestination) => number) =>
    its.reduce((total, found) => total + count(found), 0)
  return {
    activeConnections: sum(found => found.activeConnections),
    persistentClients: sum(found => found.persistentConnections),
  }
}

function refuseUnknown(config: Config, address: IpAddress): void {
  const { services } = directorSection(config)
  const known = new Set(services.flatMap(({ realServers }) => realServers.map(server => server.address)))
  if (known.has(address)) return
  throw new AgentError(
    'usage',
    `${address} is no real server of ${config.file}`,
    `it names ${[...known].slice(0, 8).join(', ')}${known.size > 8 ? ', ...' : ''}`,
  )
}
