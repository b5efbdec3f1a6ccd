import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { IpAddress } from '../model/address.ts'
import type { Watching } from '../reconcile/converge.ts'
import { convergeDirector } from './converge.ts'
import { directorSection, wantedDirector } from './desired.ts'
import { readDrained, recallRotation, writeDrained } from './rotation.ts'

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

/**
 * Waits until the real server has no active connection left, in any service; tells how many there are at each count.
 * The number of those that are left when the time is over.
 */
export async function waitForConnections(
  host: Host,
  address: IpAddress,
  { limitMs, signal, onCount }: { limitMs: number; signal: AbortSignal; onCount: (active: number) => void },
): Promise<number> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const active = await activeConnections(host, address)
    onCount(active)
    if (active === 0 || performance.now() >= deadline || signal.aborted) return active
    await sleep(COUNT_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function activeConnections(host: Host, address: IpAddress): Promise<number> {
  const table = (await (await host.ipvs())?.table()) ?? []
  const counts = table.flatMap(({ destinations }) =>
    destinations.filter(found => found.address === address).map(found => found.activeConnections),
  )
  return counts.reduce((sum, count) => sum + count, 0)
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
