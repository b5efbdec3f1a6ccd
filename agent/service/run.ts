import type { Config } from '../config/load.ts'
import { type Listen, SERVICE_DEFAULTS } from '../config/service.ts'
import { messageOf } from '../errors.ts'
import type { ServiceManager } from '../host/service-manager.ts'
import type { Endpoint } from './endpoint/endpoint.ts'
import type { Sources } from './endpoint/view.ts'
import type { LoggedEvent } from './journal.ts'
import { openRole, type Role, type RoleName } from './roles.ts'

export interface ServiceOptions {
  root: string
  /** Of rs-agent. */
  version: string
  /** Reads the configuration file; throws AgentError when it is wrong. */
  load(): Config
  /** Text that differs when the file has changed. */
  stamp(): string
  /** Why another configuration than that of the file is read at the start; null when it is that one. */
  refused(): string | null
  log(event: LoggedEvent): void
  /** Whoever started the service, and waits to hear that it is ready. */
  manager: ServiceManager
  signal: AbortSignal
  onReload(listener: () => void): void
}

/** Of the time after which somebody who is not heard of is taken for stuck. */
const SIGNS_OF_LIFE = 4

/** Keeps this host what its configuration says, in each of its roles, and tells how it is, until the signal. */
export async function runService(options: ServiceOptions): Promise<void> {
  const { manager } = options
  const config = options.load()
  // One role that cannot go on ends the other: whoever started the service starts both again.
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const roles: Role[] = []
  let endpoint: Endpoint | null = null
  const timer =
    manager.watchdogMs === null
      ? undefined
      : setInterval(() => {
          if (roles.every(role => role.isAlive())) manager.alive()
        }, manager.watchdogMs / SIGNS_OF_LIFE)
  try {
    const ready = (): void => {
      if (roles.every(({ isReady }) => isReady())) manager.ready(statusOf(config))
    }
    for (const name of rolesOf(config))
      roles.push(await openRole(name, { ...options, signal, onReady: ready }))
    // Only now: another run that looks after this host has its page where this one would have it.
    endpoint = await openTold(options, config, roles)
    await untilFirstFailure(roles, ending)
  } finally {
    manager.stopping()
    clearInterval(timer)
    await endpoint?.close()
    for (const role of roles) role.close()
  }
}

function rolesOf({ realServer, director }: Config): RoleName[] {
  return [
    ...(realServer === undefined ? [] : (['real server'] as const)),
    ...(director === undefined ? [] : (['director'] as const)),
  ]
}

async function untilFirstFailure(roles: readonly Role[], ending: AbortController): Promise<void> {
  const failures: unknown[] = []
  await Promise.all(
    roles.map(role =>
      role.run().catch(error => {
        failures.push(error)
        ending.abort()
      }),
    ),
  )
  if (failures.length > 0) throw failures[0]
}

/** Nobody's clients shall suffer from a port that somebody else has: without it the work goes on. */
async function openTold(
  { root, version, log }: ServiceOptions,
  config: Config,
  roles: readonly Role[],
): Promise<Endpoint | null> {
  const { listen, resyncInterval } = config.service ?? SERVICE_DEFAULTS
  if (listen === 'none') return null
  const sources: Sources = {
    version,
    // A reload may change it.
    get resyncIntervalMs() {
      return roles.flatMap(role => role.resyncIntervalMs() ?? [])[0] ?? resyncInterval
    },
    realServer: () => roles.flatMap(role => role.report() ?? [])[0] ?? null,
    director: async () => (await Promise.all(roles.map(role => role.table())))[0] ?? null,
  }
  try {
    return await listenFor(root, listen, sources, log)
  } catch (error) {
    log({ level: 'warning', subject: '', message: `no status page: ${messageOf(error)}` })
    return null
  }
}

async function listenFor(
  root: string,
  listen: Exclude<Listen, 'none'>,
  sources: Sources,
  log: ServiceOptions['log'],
): Promise<Endpoint> {
  const { openEndpoint } = await import('./endpoint/endpoint.ts')
  const { placeBelow } = await import('./endpoint/listening.ts')
  const { lookAtService } = await import('./endpoint/view.ts')
  const endpoint = await openEndpoint(placeBelow(root, listen), () => lookAtService(sources))
  log({ level: 'info', subject: '', message: `status page, /metrics and /healthz at ${endpoint.address}` })
  return endpoint
}

function statusOf({ realServer, director }: Config): string {
  const vips = realServer?.vips.map(({ address }) => address).join(', ')
  return [
    ...(vips === undefined ? [] : [`${vips} bound and silent`]),
    ...(director === undefined ? [] : [`director of ${director.services.length} services`]),
  ].join('; ')
}
