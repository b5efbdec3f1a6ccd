import { familyOf, type IpAddress, parseIpAddress } from '../../model/address.ts'
import type {
  Destination,
  Forwarding,
  Protocol,
  SchedulerFlag,
  ServiceKey,
  TunnelChecksum,
  VirtualService,
} from '../../model/ipvs.ts'
import { SCHEDULERS, schedulerFlags, serviceFamily } from '../../model/ipvs.ts'
import { MAX_TIMEOUT_SECONDS } from '../../model/ipvs-limits.ts'
import { type Findings, type Place, refuse } from './imported.ts'
import type { Option, OptionName } from './ipvsadm-options.ts'
import type { Names } from './names.ts'
import { parseNumber } from './numbers.ts'

/** The service and the real server that one rule names, with ipvsadm's defaults (ipvsadm.c, process_options). */
export interface Rule {
  service: VirtualService
  destination: Destination | null
  destinationAt: Place
}

/** IPVS_SVC_PERSISTENT_TIMEOUT of ipvsadm's libipvs.h and keepalived's ip_vs.h. */
export const DEFAULT_PERSISTENCE_SECONDS = 360
/** What ipvsadm, keepalived and the kernel take. */
const DEFAULT_SCHEDULER = 'wlc'
const PROTOCOLS: Partial<Record<OptionName, Protocol>> = {
  'tcp-service': 'tcp',
  'udp-service': 'udp',
  'sctp-service': 'sctp',
}
const I32_MAX = 0x7fff_ffff

/** What is wrong is a finding; the rule is then of no use. */
export function readRule(options: readonly Option[], at: Place, names: Names, findings: Findings): Rule {
  const given = new Map<string, Option>()
  for (const option of options) {
    const role = ROLES[option.name] ?? option.name
    if (given.has(role)) refuse(findings, option.at, `--${option.name} beside another of its kind`)
    else given.set(role, option)
  }
  const key = keyOf(given, at, names, findings)
  const service = serviceOf(key, given, findings)
  const server = given.get('real-server')
  return {
    service,
    destination: server === undefined ? null : destinationOf(server, service, given, names, findings),
    destinationAt: server?.value?.at ?? at,
  }
}

/** Of each only one. */
const ROLES: Partial<Record<OptionName, string>> = {
  'tcp-service': 'service',
  'udp-service': 'service',
  'sctp-service': 'service',
  'fwmark-service': 'service',
  masquerading: 'forwarding',
  ipip: 'forwarding',
  gatewaying: 'forwarding',
  'tun-nocsum': 'checksum',
  'tun-csum': 'checksum',
  'tun-remcsum': 'checksum',
}

type Given = ReadonlyMap<string, Option>
const NO_KEY: ServiceKey = { kind: 'firewallMark', mark: 1, family: 4 }

function keyOf(given: Given, at: Place, names: Names, findings: Findings): ServiceKey {
  const option = given.get('service')
  const isIpv6 = given.has('ipv6')
  if (option === undefined) {
    refuse(findings, at, 'a service is missing: -t, -u, --sctp-service or -f')
    return NO_KEY
  }
  const { text, at: valueAt } = option.value ?? { text: '', at: option.at }
  const protocol = PROTOCOLS[option.name]
  if (protocol === undefined) {
    const mark = parseNumber(text, 1, 0xffff_ffff)
    if (mark === null)
      refuse(findings, valueAt, `${JSON.stringify(text)} is no firewall mark from 1 to 4294967295`)
    return { kind: 'firewallMark', mark: mark ?? 1, family: isIpv6 ? 6 : 4 }
  }
  if (isIpv6) refuse(findings, given.get('ipv6')?.at ?? at, '-6 is for -f alone, and behind it')
  const socket = readSocket(text, protocol, names)
  if (socket === null) {
    refuse(findings, valueAt, `${JSON.stringify(text)} is no ADDRESS:PORT, and no name of one`)
    return NO_KEY
  }
  return { kind: 'address', protocol, address: socket.address, port: socket.port ?? 0 }
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`, `www:http`, or without a port. */
function readSocket(
  text: string,
  protocol: Protocol,
  names: Names,
): { address: IpAddress; port: number | null } | null {
  const bare = parseIpAddress(text)
  if (bare !== null && familyOf(bare) === 6) return { address: bare, port: null }
  const [, bracketed, host, port] = /^(?:\[([^\]]*)\](?=:)|([^[\]:]+))(?::(.*))?$/.exec(text) ?? []
  const name = bracketed ?? host
  if (name === undefined || /^[0-9]+$/.test(name)) return null
  const address = parseIpAddress(name) ?? (bracketed === undefined ? names.address(name, 4) : null)
  if (address === null || (bracketed !== undefined && familyOf(address) !== 6)) return null
  if (port === undefined) return { address, port: null }
  const number = parseNumber(port, 0, 65_535) ?? names.port(port, protocol)
  return number === null ? null : { address, port: number }
}

function serviceOf(key: ServiceKey, given: Given, findings: Findings): VirtualService {
  const scheduler = given.get('scheduler')?.value?.text ?? DEFAULT_SCHEDULER
  if (!SCHEDULERS.has(scheduler))
    refuse(findings, given.get('scheduler')?.at as Place, `IPVS has no scheduler ${scheduler}`)
  const persistent = given.get('persistent')
  return {
    key,
    scheduler,
    schedulerFlags: flagsOf(scheduler, given.get('sched-flags'), findings),
    onePacket: given.has('ops'),
    persistence:
      persistent === undefined
        ? null
        : {
            timeoutSeconds: timeoutOf(persistent, findings),
            netmask: netmaskOf(key, given.get('netmask'), findings),
          },
    persistenceEngine: given.get('pe')?.value?.text ?? null,
  }
}

function timeoutOf({ value }: Option, findings: Findings): number {
  if (value === null) return DEFAULT_PERSISTENCE_SECONDS
  const seconds = parseNumber(value.text, 1, MAX_TIMEOUT_SECONDS)
  if (seconds === null)
    refuse(findings, value.at, `${JSON.stringify(value.text)} is no timeout from 1 s to 31 days`)
  return seconds ?? DEFAULT_PERSISTENCE_SECONDS
}

function netmaskOf(key: ServiceKey, option: Option | undefined, findings: Findings): IpAddress | number {
  const isIpv6 = serviceFamily(key) === 6
  const otherwise = isIpv6 ? 128 : ('255.255.255.255' as IpAddress)
  if (option?.value === undefined || option.value === null) return otherwise
  const { text, at } = option.value
  const mask = isIpv6 ? parseNumber(text, 1, 128) : parseIpAddress(text)
  if (mask !== null && (typeof mask === 'number' || familyOf(mask) === 4)) return mask
  const expected = isIpv6 ? 'prefix length from 1 to 128' : 'netmask such as 255.255.255.0'
  refuse(findings, at, `${JSON.stringify(text)} is no ${expected}`)
  return otherwise
}

/** In the order of their bits; `flag-1` of `sh` is `sh-fallback`. */
function flagsOf(scheduler: string, option: Option | undefined, findings: Findings): SchedulerFlag[] {
  const names = schedulerFlags(scheduler)
  const plain = ['flag-1', 'flag-2', 'flag-3']
  const bits = new Set<number>()
  for (const flag of option?.value?.text.split(',').filter(Boolean) ?? []) {
    const bit = plain.includes(flag) ? plain.indexOf(flag) : names.indexOf(flag as SchedulerFlag)
    if (bit >= 0) bits.add(bit)
    else refuse(findings, option?.at as Place, `the scheduler ${scheduler} has no flag ${flag}`)
  }
  return names.filter((_, bit) => bits.has(bit))
}

function destinationOf(
  { at, value }: Option,
  { key }: VirtualService,
  given: Given,
  names: Names,
  findings: Findings,
): Destination {
  const text = value?.text ?? ''
  const socket = readSocket(text, key.kind === 'address' ? key.protocol : 'tcp', names)
  if (socket === null)
    refuse(findings, value?.at ?? at, `${JSON.stringify(text)} is no ADDRESS or ADDRESS:PORT`)
  const servicePort = key.kind === 'address' ? key.port : 0
  const forwarding = forwardingOf(given, findings)
  return {
    address: socket?.address ?? ('0.0.0.0' as IpAddress),
    // Only masquerading changes ports, and a firewall mark has none to compare with.
    port:
      key.kind === 'address' && forwarding.method !== 'masquerade'
        ? servicePort
        : (socket?.port ?? servicePort),
    forwarding,
    weight: numberOf(given.get('weight'), 1, 65_535, findings),
    upperThreshold: numberOf(given.get('u-threshold'), 0, I32_MAX, findings),
    lowerThreshold: numberOf(given.get('l-threshold'), 0, I32_MAX, findings),
  }
}

function numberOf(option: Option | undefined, otherwise: number, max: number, findings: Findings): number {
  if (option?.value === undefined || option.value === null) return otherwise
  const number = parseNumber(option.value.text, 0, max)
  if (number === null) refuse(findings, option.value.at, `--${option.name} needs a number from 0 to ${max}`)
  return number ?? otherwise
}

const CHECKSUMS: Partial<Record<OptionName, TunnelChecksum>> = {
  'tun-nocsum': 'none',
  'tun-csum': 'full',
  'tun-remcsum': 'remote',
}

function forwardingOf(given: Given, findings: Findings): Forwarding {
  const chosen = given.get('forwarding')?.name
  const [type, port, checksum] = ['tun-type', 'tun-port', 'checksum'].map(name => given.get(name))
  const extra = type ?? port ?? checksum
  if (chosen !== 'ipip') {
    if (extra !== undefined) refuse(findings, extra.at, `--${extra.name} is for tunnels (-i) alone`)
    return { method: chosen === 'masquerading' ? 'masquerade' : 'direct-route' }
  }
  const kind = type?.value?.text ?? 'ipip'
  const sum = checksum === undefined ? 'none' : (CHECKSUMS[checksum.name] ?? 'none')
  if (kind !== 'gue' && port !== undefined)
    refuse(findings, port.at, 'a port is for tunnels of type gue alone')
  if (kind === 'gue') {
    if (port === undefined) refuse(findings, (type as Option).at, 'a tunnel of type gue needs --tun-port')
    const number = parseNumber(port?.value?.text ?? '1', 1, 65_535)
    if (number === null) refuse(findings, (port as Option).at, '--tun-port needs a number from 1 to 65535')
    return { method: 'tunnel', tunnel: { type: 'gue', port: number ?? 1, checksum: sum } }
  }
  if (kind === 'gre') {
    if (sum === 'remote') refuse(findings, (checksum as Option).at, '--tun-remcsum is not for gre')
    return { method: 'tunnel', tunnel: { type: 'gre', checksum: sum } }
  }
  if (kind !== 'ipip') refuse(findings, (type as Option).at, `a tunnel is ipip, gue or gre, not ${kind}`)
  else if (checksum !== undefined) refuse(findings, checksum.at, 'a tunnel of type ipip has no checksum')
  return { method: 'tunnel', tunnel: { type: 'ipip' } }
}
