import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, loadConfig } from '../config/load.ts'
import { requireCapability } from '../host/capabilities.ts'
import { type Host, openHost } from '../host/host.ts'
import { withLock } from '../host/lock.ts'
import type { Watching } from '../reconcile/converge.ts'
import { PHASE_TITLES } from '../reconcile/order.ts'
import type { Terminal } from '../report/terminal.ts'
import type { KnownHosts } from '../segment/owners.ts'

/** What the options before the command say. */
export interface Invocation {
  root: string
  /** As given by --config; undefined stands for the one below the root. */
  configFile: string | undefined
  terminal: Terminal
}

export function loadInvocationConfig(invocation: Invocation): Config {
  return loadConfig(configFileOf(invocation))
}

/** The hosts that the configuration names; nobody where there is no configuration, as on a laptop. */
export function knownHosts(invocation: Invocation): KnownHosts {
  const file = configFileOf(invocation)
  if (invocation.configFile === undefined && !existsSync(file))
    return { directors: [], siblings: [], vips: [] }
  const { realServer } = loadConfig(file)
  return {
    directors: realServer?.directors ?? [],
    siblings: realServer?.siblings ?? [],
    vips: (realServer?.vips ?? []).map(({ address }) => address),
  }
}

/** As given, or the one below the root. */
export function configFileOf({ configFile, root }: Invocation): string {
  return configFile ?? join(root, 'etc/rs-agent/config.yaml')
}

/** Opens the host for the work, and closes it whatever happens: an open netlink socket would keep the process. */
export async function withHost<T>({ root }: Invocation, work: (host: Host) => Promise<T>): Promise<T> {
  const host = openHost(root)
  try {
    return await work(host)
  } finally {
    host.close()
  }
}

/**
 * Opens the host for a run that changes it: with the right to do so, alone, telling how far it is, and
 * stopped in good order by SIGINT, SIGTERM or SIGHUP: what was begun is taken back.
 */
export async function changeHost<T>(
  invocation: Invocation,
  work: (host: Host, watching: Watching) => Promise<T>,
): Promise<T> {
  const { root, terminal } = invocation
  requireCapability('CAP_NET_ADMIN', 'change addresses, routes and sysctls')
  const onProgress: Watching['onProgress'] = ({ phase, made, total, detail }) =>
    terminal.progress(`${PHASE_TITLES[phase]} ${detail ?? `(${made} of ${total} done)`}`)
  try {
    return await withHost(invocation, host =>
      withLock(root, () => untilSignal(signal => work(host, { signal, onProgress }))),
    )
  } finally {
    terminal.progress(null)
  }
}

/** SIGINT, SIGTERM and SIGHUP end the work, not the process. */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (name: NodeJS.Signals): void => controller.abort(name)
  // SIGHUP is what a lost ssh session sends.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, stop)
  try {
    return await work(controller.signal)
  } finally {
    for (const name of signals) process.off(name, stop)
  }
}
