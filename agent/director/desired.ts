import type { DirectorConfig, RealServerConfig, ServiceConfig } from '../config/director.ts'
import type { Config } from '../config/load.ts'
import { clientPrefixLength, familyOfService } from '../config/service-problems.ts'
import { AgentError } from '../errors.ts'
import { readTemplate } from '../host/templates.ts'
import type { IpAddress } from '../model/address.ts'
import {
  type Destination,
  destinationText,
  type Forwarding,
  type IpvsTimeouts,
  type Pool,
  type SchedulerFlag,
  type ServiceKey,
  type SyncDaemon,
  serviceText,
} from '../model/ipvs.ts'
import { availability, type Candidate, type Part } from './availability.ts'
import { AS_CONFIGURED, type Rotation } from './rotation.ts'

/** What a host with the director role shall be, whatever it is now. */
export interface WantedDirector {
  /** The NIC of the VIPs, by which real servers are reached. */
  nic: string
  /** Each with the place in the configuration that asks for it; none when somebody else moves them (VRRP). */
  vips: readonly WantedVip[]
  /** False: somebody else, such as VRRP, binds the VIPs and takes them away. */
  bindsVips: boolean
  pools: readonly WantedPool[]
  /** In which time a run asks every real server who has its VIP; null: never. */
  arpAuditMs: number | null
  /** What becomes of services in the kernel's table that the configuration does not name. */
  otherServices: 'keep' | 'remove'
  timeouts: Partial<IpvsTimeouts>
  /** False: persistent clients stay with a real server of weight 0. */
  expiresQuiescentTemplates: boolean
  syncDaemon: SyncDaemon | null
  /** Texts of the templates that are rendered for this role. */
  templates: { sysctl: string; modules: string }
}

export interface WantedVip {
  address: IpAddress
  path: (string | number)[]
}

/** Its destinations are those that shall serve now. */
export interface WantedPool extends Pool {
  path: (string | number)[]
  /** All that the configuration names, and what is known of each. */
  candidates: Candidate[]
  /** What each candidate does. */
  parts: Part[]
  usesFallback: boolean
  /** All that may come to serve: real servers that are out, and a fallback that rests, among them. */
  mayServe: Destination[]
  /** How long one that comes into rotation takes to get its whole weight; null: it has it at once. */
  slowStartMs: number | null
}

/** Throws when the configuration has no director role. */
export function wantedDirector(config: Config, rotation: Rotation = AS_CONFIGURED): WantedDirector {
  const director = directorSection(config)
  const {
    interface: nic,
    bindVips,
    otherServices,
    services,
    expireQuiescentTemplate,
    timeouts = {},
    arpAudit,
  } = director
  return {
    nic,
    vips: services.flatMap(vipsOf).filter(isFirstOfAddress),
    bindsVips: bindVips,
    pools: services.map((service, index) => poolOf(service, index, director, rotation)),
    arpAuditMs: arpAudit,
    otherServices,
    timeouts: {
      ...(timeouts.tcp === undefined ? {} : { tcpSeconds: timeouts.tcp }),
      ...(timeouts.tcpFin === undefined ? {} : { tcpFinSeconds: timeouts.tcpFin }),
      ...(timeouts.udp === undefined ? {} : { udpSeconds: timeouts.udp }),
    },
    expiresQuiescentTemplates: expireQuiescentTemplate,
    syncDaemon: director.syncDaemon === undefined ? null : syncDaemonOf(director.syncDaemon),
    templates: {
      sysctl: readTemplate('sysctl/90-rs-agent-director.conf'),
      modules: readTemplate('modules-load/rs-agent-director.conf'),
    },
  }
}

/** Throws when there is none. */
export function directorSection({ director, file }: Config): DirectorConfig {
  if (director !== undefined) return director
  throw new AgentError(
    'config-invalid',
    `${file}: there is no director section`,
    'this command acts on the director role: add `director: { interface: ..., services: [...] }`',
  )
}

/** What the configuration asks for that only `director run` does, where none is running. */
export function leftToRun(config: Config, { standings }: Rotation): string[] {
  const { services = [] } = config.director ?? {}
  const checked = services.filter(service =>
    [service, ...service.realServers].some(({ check }) => check !== undefined),
  )
  if (checked.length === 0 || standings !== null) return []
  const what = checked.length === 1 ? 'one service has' : `${checked.length} services have`
  return [`${what} a check, and nobody makes it: \`rs-agent director run\` does`]
}

function vipsOf({ listen, vips = [] }: ServiceConfig, index: number): WantedVip[] {
  const path = ['director', 'services', index]
  if (listen !== undefined) return [{ address: listen.address, path: [...path, 'listen'] }]
  return vips.map((address, number) => ({ address, path: [...path, 'vips', number] }))
}

function isFirstOfAddress({ address }: WantedVip, index: number, all: readonly WantedVip[]): boolean {
  return all.findIndex(other => other.address === address) === index
}

function poolOf(
  service: ServiceConfig,
  index: number,
  { minimumAvailable = '0%' }: DirectorConfig,
  rotation: Rotation,
): WantedPool {
  const { scheduler, schedulerFlags, onePacket, persistence, realServers, onFailure, slowStart } = service
  const slowStartMs = slowStart ?? null
  const key = keyOfService(service)
  const candidates = realServers.map(server => candidateOf(destinationOf(server, service), key, rotation))
  const fallback = fallbackOf(service)
  const { destinations, parts, usesFallback } = availability(candidates, {
    onFailure,
    fallback,
    minimumPercent: Number.parseInt(minimumAvailable, 10),
    slowStartMs,
  })
  return {
    path: ['director', 'services', index],
    candidates,
    parts,
    usesFallback,
    mayServe: [...candidates.map(({ destination }) => destination), ...(fallback === null ? [] : [fallback])],
    slowStartMs,
    service: {
      key,
      scheduler,
      // In the order of their bits, as they are read back.
      schedulerFlags: (['fallback', 'port'] as const)
        .filter(flag => schedulerFlags.includes(flag))
        .map(flag => `${scheduler}-${flag}` as SchedulerFlag),
      onePacket,
      persistence:
        persistence === undefined
          ? null
          : { timeoutSeconds: persistence.timeout, netmask: netmaskOf(service) },
      persistenceEngine: persistence?.engine ?? null,
    },
    destinations,
  }
}

function candidateOf(destination: Destination, key: ServiceKey, rotation: Rotation): Candidate {
  const { drained, standings, inRotation } = rotation
  const [service, name] = [serviceText(key), destinationText(destination)]
  const known = standings?.[service]?.[name]
  const { forMs } = inRotation === null ? { forMs: null } : (inRotation[service]?.[name] ?? { forMs: 0 })
  const { health = 'up', sinceMs = 0 } = known ?? {}
  return { destination, health, sinceMs, drained: drained.has(destination.address), forMs }
}

/** Forwarded as the real servers are. */
function fallbackOf(service: ServiceConfig): Destination | null {
  const { fallback } = service
  if (fallback === undefined) return null
  const forwarding = forwardingOf({}, service)
  return { ...fallback, forwarding, weight: 1, upperThreshold: 0, lowerThreshold: 0 }
}

function keyOfService(service: ServiceConfig): ServiceKey {
  const { listen, firewallMark = 0 } = service
  if (listen === undefined)
    return { kind: 'firewallMark', mark: firewallMark, family: familyOfService(service) }
  const { protocol, address, port } = listen
  return { kind: 'address', protocol, address, port }
}

/** As the kernel tells it: a mask for IPv4, a prefix length for IPv6. */
function netmaskOf(service: ServiceConfig): IpAddress | number {
  const length = clientPrefixLength(service)
  if (familyOfService(service) === 6) return length
  const bits = `${'1'.repeat(length)}${'0'.repeat(32 - length)}`
  return [0, 8, 16, 24].map(at => Number.parseInt(bits.slice(at, at + 8), 2)).join('.') as IpAddress
}

function destinationOf(server: RealServerConfig, service: ServiceConfig): Destination {
  const { address, weight, upperThreshold, lowerThreshold } = server
  return {
    address,
    port: server.port ?? service.listen?.port ?? 0,
    forwarding: forwardingOf(server, service),
    weight,
    upperThreshold,
    lowerThreshold,
  }
}

function forwardingOf(
  server: Pick<RealServerConfig, 'forwarding'>,
  { forwarding, tunnel }: ServiceConfig,
): Forwarding {
  const method = server.forwarding ?? forwarding
  if (method !== 'tunnel') return { method }
  const { type = 'ipip', port = 0, checksum = 'none' } = tunnel ?? {}
  switch (type) {
    case 'ipip':
      return { method, tunnel: { type } }
    case 'gue':
      return { method, tunnel: { type, port, checksum } }
    case 'gre':
      return { method, tunnel: { type, checksum } }
    default:
      return type satisfies never
  }
}

function syncDaemonOf({
  role,
  interface: nic,
  id,
  group,
  port,
  ttl,
  maxLength,
}: NonNullable<NonNullable<Config['director']>['syncDaemon']>): SyncDaemon {
  return {
    role,
    interface: nic,
    syncId: id,
    ...(group === undefined ? {} : { group }),
    ...(port === undefined ? {} : { port }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(maxLength === undefined ? {} : { maxLength }),
  }
}
