import { join } from 'node:path'
import { type Config, loadConfig } from '../config/load.ts'
import { type Host, openHost } from '../host/host.ts'
import type { Terminal } from '../report/terminal.ts'

/** What the options before the command say. */
export interface Invocation {
  root: string
  /** As given by --config; undefined stands for the one below the root. */
  configFile: string | undefined
  terminal: Terminal
}

export function loadInvocationConfig({ configFile, root }: Invocation): Config {
  return loadConfig(configFile ?? join(root, 'etc/rs-agent/config.yaml'))
}

/** Opens the host for the work, and closes it whatever happens: an open netlink socket would keep the process. */
export async function withHost<T>({ root }: Invocation, work: (host: Host) => Promise<T>): Promise<T> {
  const host = openHost(root)
  try {
    return await work(host)
  } finally {
    host.network.close()
  }
}

/** Runs work that a first SIGINT or SIGTERM stops in good order: what was begun is taken back. */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (name: NodeJS.Signals): void => controller.abort(name)
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
