import type { AddressFamily, IpAddress } from '../../model/address.ts'
import {
  type Destination,
  type Protocol,
  SCHEDULERS,
  type SchedulerFlag,
  type ServiceKey,
  schedulerFlags,
  serviceText,
  type VirtualService,
} from '../../model/ipvs.ts'
import { whyNotDestination, whyNotService } from '../../model/ipvs-limits.ts'
import { type Findings, type ImportedService, refuse, warn } from './imported.ts'
import { checksOf } from './ldirectord-check.ts'
import type { Directive, VirtualSection } from './ldirectord-file.ts'
import { readRealServers } from './ldirectord-real.ts'
import { readFallback, readHost, readPort, type Settings, WITHOUT_EQUAL } from './ldirectord-settings.ts'
import type { Names } from './names.ts'

/** What a section of a virtual service says, the last of each directive. */
export type Section = ReadonlyMap<string, Directive>

/** Directives that are read here or for the check; null from serviceOf when the section is of no use. */
const KNOWN = new Set([
  ...['real', 'real6', 'request', 'receive', 'checktype', 'checktimeout', 'negotiatetimeout'],
  ...[
    'failurecount',
    'checkcount',
    'checkinterval',
    'checkport',
    'checkcommand',
    'login',
    'passwd',
    'database',
    'secret',
  ],
  ...['scheduler', 'persistent', 'schedflags', 'netmask', 'protocol', 'ops', 'service', 'httpmethod'],
  ...['virtualhost', 'fallback', 'fallback6', 'quiescent', 'servicename', 'comment', 'load'],
])

export function serviceOf(
  { virtual, directives }: VirtualSection,
  settings: Settings,
  names: Names,
  findings: Findings,
): ImportedService | null {
  const own: Findings = { problems: findings.problems, warnings: [] }
  const family: AddressFamily = virtual.name === 'virtual6' ? 6 : 4
  const section = sectionOf(directives, family, own)
  const key = keyOf(virtual, section, family, names, own)
  if (key === null) return null
  const service = virtualServiceOf(key, section, own)
  const servers = readRealServers(
    directives.filter(({ name }) => name === 'real' || name === 'real6'),
    key,
    names,
    own,
  )
  const why = whyNotService(service)
  if (why !== null) refuse(own, virtual.at, `${serviceText(key)}: ${why}`)
  for (const { at, destination } of servers) {
    const why = whyNotDestination(destination, key)
    if (why !== null) refuse(own, at, `real server ${destination.address}: ${why}`)
  }
  const { isOff, checks } = checksOf(section, key, settings, own)
  return {
    at: virtual.at,
    title: section.get('servicename')?.value.trim() ?? section.get('comment')?.value.trim() ?? null,
    service,
    realServers: servers.map(server => ({
      at: server.at,
      destination: isOff ? { ...server.destination, weight: 0 } : server.destination,
      checks: checks(server),
    })),
    fallback: fallbackOf(
      section,
      { key, family, usual: servers[0]?.destination.forwarding.method },
      settings,
      names,
      own,
    ),
    onFailure: isQuiescent(section, settings, own) ? 'quiesce' : 'remove',
    warnings: own.warnings,
  }
}

function sectionOf(directives: readonly Directive[], family: AddressFamily, findings: Findings): Section {
  const section = new Map<string, Directive>()
  for (const directive of directives) {
    const { name, value, at } = directive
    const hint = WITHOUT_EQUAL[name]
    const other = family === 4 ? ['real6', 'fallback6'] : ['real', 'fallback']
    if (other.includes(name)) refuse(findings, at, `${name} is not for an IPv${family} service`)
    else if (KNOWN.has(name)) section.set(name, directive)
    else if (hint === undefined) refuse(findings, at, `ldirectord knows no ${name} in a virtual service`)
    else warn(findings, at, `ldirectord-${name}`, `${name} = ${value.trim()} has no equal`, hint)
  }
  return section
}

function keyOf(
  { value, valueAt }: Directive,
  section: Section,
  family: AddressFamily,
  names: Names,
  findings: Findings,
): ServiceKey | null {
  const [, host, port] =
    (family === 6 ? /^(\[[0-9A-Fa-f:]+\]):([0-9A-Za-z_-]+)/.exec(value) : null) ??
    /^([0-9A-Za-z._+-]+):([0-9A-Za-z_-]+)/.exec(value) ??
    []
  if (host === undefined || port === undefined) {
    const mark = Number(/^([0-9]+)/.exec(value)?.[1])
    if (mark > 0 && mark <= 0xffff_ffff) return markKey(mark, section, family, findings)
    refuse(findings, valueAt, `${JSON.stringify(value)} is no ADDRESS:PORT and no firewall mark`)
    return null
  }
  const protocol = protocolOf(section, port, findings)
  const address: IpAddress | null = readHost(host, family, names)
  const number = readPort(port, protocol, names)
  if (address !== null && number !== null) return { kind: 'address', protocol, address, port: number }
  refuse(
    findings,
    valueAt,
    `${JSON.stringify(`${host}:${port}`)} is no IPv${family} address and port, and no name of them`,
  )
  return null
}

function markKey(mark: number, section: Section, family: AddressFamily, findings: Findings): ServiceKey {
  const protocol = section.get('protocol')
  if (protocol !== undefined && protocol.value.trim() !== 'fwm')
    refuse(findings, protocol.valueAt, 'the protocol of a firewall mark is fwm')
  return { kind: 'firewallMark', mark, family }
}

function protocolOf(section: Section, port: string, findings: Findings): Protocol {
  const protocol = section.get('protocol')
  if (protocol === undefined) return port === '53' || port === 'domain' ? 'udp' : 'tcp'
  const text = protocol.value.trim()
  if (text === 'tcp' || text === 'udp') return text
  refuse(findings, protocol.valueAt, `a protocol is tcp or udp, not ${JSON.stringify(text)}`)
  return 'tcp'
}

function virtualServiceOf(key: ServiceKey, section: Section, findings: Findings): VirtualService {
  const scheduler = section.get('scheduler')
  const name = scheduler === undefined ? 'wrr' : (/[a-z]+/.exec(scheduler.value)?.[0] ?? '')
  if (!SCHEDULERS.has(name) && scheduler !== undefined)
    refuse(findings, scheduler.valueAt, `IPVS has no scheduler ${JSON.stringify(name)}`)
  const ops = section.get('ops')
  if (ops !== undefined && ops.value !== 'yes' && ops.value !== 'no')
    refuse(findings, ops.valueAt, `ops is yes or no, not ${JSON.stringify(ops.value)}`)
  return {
    key,
    scheduler: name,
    schedulerFlags: flagsOf(name, section.get('schedflags'), findings),
    // ldirectord passes it on for udp alone, not for a firewall mark.
    onePacket: ops?.value === 'yes' && key.kind === 'address' && key.protocol === 'udp',
    persistence: persistenceOf(key, section, findings),
    persistenceEngine: null,
  }
}

function persistenceOf(key: ServiceKey, section: Section, findings: Findings): VirtualService['persistence'] {
  const persistent = section.get('persistent')
  const netmask = section.get('netmask')
  const isIpv6 = key.kind === 'address' ? key.address.includes(':') : key.family === 6
  const mask = netmask?.value.trim()
  const isMask = isIpv6
    ? Number(mask) >= 1 && Number(mask) <= 128 && /^[0-9]+$/.test(mask ?? '')
    : /^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$/.test(mask ?? '')
  if (netmask !== undefined && !isMask)
    refuse(
      findings,
      netmask.valueAt,
      `a netmask is ${isIpv6 ? 'a prefix length' : 'like 255.255.255.0'}, not ${JSON.stringify(mask)}`,
    )
  if (persistent === undefined) return null
  const seconds = Number(/[0-9]+/.exec(persistent.value)?.[0])
  if (Number.isNaN(seconds)) refuse(findings, persistent.valueAt, 'persistent needs a number of seconds')
  const otherwise = isIpv6 ? 128 : ('255.255.255.255' as IpAddress)
  return {
    timeoutSeconds: seconds,
    netmask: mask === undefined || !isMask ? otherwise : isIpv6 ? Number(mask) : (mask as IpAddress),
  }
}

function flagsOf(scheduler: string, flags: Directive | undefined, findings: Findings): SchedulerFlag[] {
  const names = schedulerFlags(scheduler)
  const wanted =
    /\S+/
      .exec(flags?.value ?? '')?.[0]
      .split(',')
      .filter(Boolean) ?? []
  const plain = ['flag-1', 'flag-2', 'flag-3']
  for (const flag of wanted)
    if (!plain.includes(flag) && !names.includes(flag as SchedulerFlag))
      refuse(findings, flags?.valueAt as Directive['at'], `the scheduler ${scheduler} has no flag ${flag}`)
  return names.filter((name, bit) => wanted.includes(name) || wanted.includes(plain[bit] as string))
}

function fallbackOf(
  section: Section,
  {
    key,
    family,
    usual = 'direct-route',
  }: { key: ServiceKey; family: AddressFamily; usual: Destination['forwarding']['method'] | undefined },
  settings: Settings,
  names: Names,
  findings: Findings,
): ImportedService['fallback'] {
  const directive = section.get(family === 4 ? 'fallback' : 'fallback6')
  const fallback =
    directive === undefined
      ? family === 4
        ? settings.fallback
        : settings.fallback6
      : readFallback(directive, family, names, findings)
  // ldirectord keeps a global one by protocol, tcp and udp: a firewall mark has none of it.
  if (fallback === null || (directive === undefined && key.kind === 'firewallMark')) return null
  const port = fallback.port ?? (key.kind === 'address' ? key.port : 0)
  const at = (directive ?? section.values().next().value)?.at ?? null
  if (port === 0 && at !== null) {
    const hint = 'write `fallback: ADDRESS:PORT` by hand'
    warn(findings, at, 'fallback-without-port', `the fallback ${fallback.address} names no port`, hint)
    return null
  }
  // The kernel takes its own addresses for what they are, whatever the method.
  if (fallback.forwarding !== usual && !fallback.address.startsWith('127.') && at !== null)
    warn(
      findings,
      at,
      'fallback-forwarding',
      `the fallback ${fallback.address} is reached by ${fallback.forwarding} of its own`,
      "a fallback follows the service's own `forwarding`",
    )
  return { address: fallback.address, port }
}

function isQuiescent(section: Section, { quiescent }: Settings, findings: Findings): boolean {
  const directive = section.get('quiescent')
  if (directive === undefined) return quiescent
  if (directive.value !== 'yes' && directive.value !== 'no')
    refuse(findings, directive.valueAt, `quiescent is yes or no, not ${JSON.stringify(directive.value)}`)
  return directive.value === 'yes'
}
