import type { ServiceKey } from '../../model/ipvs.ts'
import { bodyOf, hostOf, pathOf } from './http-words.ts'
import { type Findings, type ImportedCheck, refuse, warn } from './imported.ts'
import type { Directive } from './ldirectord-file.ts'
import type { LdirectordRealServer } from './ldirectord-real.ts'
import type { Section } from './ldirectord-service.ts'
import type { Settings } from './ldirectord-settings.ts'

/** ld_port_to_service of ldirectord. */
const SERVICES: Record<string, number> = {
  ftp: 21,
  smtp: 25,
  dns: 53,
  http: 80,
  pop: 110,
  nntp: 119,
  imap: 143,
  ldap: 389,
  https: 443,
  submission: 587,
  ldaps: 636,
  pops: 995,
  imaps: 993,
  oracle: 1521,
  radius: 1812,
  http_proxy: 3128,
  mysql: 3306,
  sip: 5060,
  pgsql: 5432,
}
const OTHER_SERVICES = ['none', 'simpletcp']
const CHECK_TYPES = ['connect', 'negotiate', 'ping', 'off', 'on', 'external', 'external-perl']
/** Timeouts of ldirectord when nothing is said, in seconds. */
const CONNECT_TIMEOUT = 5
const NEGOTIATE_TIMEOUT = 30

interface Checked {
  check: ImportedCheck | null
  /** Nobody is let in: ldirectord adds no real server. */
  isOff: boolean
}

/** The check that asks what ldirectord asks, as far as there is one. */
export function checkOf(
  section: Section,
  key: ServiceKey,
  servers: readonly LdirectordRealServer[],
  settings: Settings,
  findings: Findings,
): Checked {
  const type = checkTypeOf(section, findings)
  const service = serviceNameOf(section, key, findings)
  const given = section.get('checktype') ?? section.values().next().value
  warnOfSecrets(section, findings)
  if (type === 'on') return { check: null, isOff: false }
  if (type === 'off') {
    if (given !== undefined)
      warn(
        findings,
        given.at,
        'checktype-off',
        'with checktype=off ldirectord lets nobody in: the weights are written as 0',
        'give the real servers their weights when clients may come',
      )
    return { check: null, isOff: true }
  }
  if (type.startsWith('external')) {
    const command = section.get('checkcommand')
    const at = command?.at ?? given?.at
    if (at !== undefined)
      warn(
        findings,
        at,
        'check-by-command',
        `real servers are checked by a command, ${command?.value.trim().replace(/^"(.*)"$/, '$1') ?? '/bin/true'}`,
        'write a check by hand that asks the same: http, https, tcp or icmp',
      )
    return { check: null, isOff: false }
  }
  const timing = timingOf(section, type, settings, findings)
  const port = checkPortOf(section, key, servers, service, findings)
  const check = { ...askedOf(type, service, key, section, servers, findings), ...timing }
  if (check.type === undefined) return { check: null, isOff: false }
  const { type: asked } = check
  return {
    check: { ...check, type: asked, ...(asked === 'icmp' || port === null ? {} : { port }) },
    isOff: false,
  }
}

function checkTypeOf(section: Section, findings: Findings): string {
  const directive = section.get('checktype')
  if (directive === undefined) return 'negotiate'
  if (/[0-9]/.test(directive.value)) {
    const hint = 'every check is a whole one'
    const message = `checktype=${directive.value.trim()} connects most of the time, and seldom asks more`
    warn(findings, directive.at, 'checktype-combined', message, hint)
    return 'negotiate'
  }
  const type = /[\w-]+/.exec(directive.value)?.[0] ?? ''
  if (!CHECK_TYPES.includes(type))
    refuse(
      findings,
      directive.valueAt,
      `checktype is ${CHECK_TYPES.join(', ')} or a number, not ${JSON.stringify(type)}`,
    )
  return type
}

function serviceNameOf(section: Section, key: ServiceKey, findings: Findings): string {
  const directive = section.get('service')
  if (directive === undefined) {
    if (key.kind === 'firewallMark') return 'none'
    return Object.entries(SERVICES).find(([, port]) => port === key.port)?.[0] ?? 'none'
  }
  const name = /\w+/.exec(directive.value)?.[0] ?? ''
  if (!(name in SERVICES) && !OTHER_SERVICES.includes(name))
    refuse(findings, directive.valueAt, `ldirectord knows no service ${JSON.stringify(name)}`)
  return name
}

function warnOfSecrets(section: Section, findings: Findings): void {
  for (const name of ['login', 'passwd', 'database', 'secret', 'load']) {
    const directive = section.get(name)
    if (directive !== undefined)
      // The value may be a password: it is not repeated.
      warn(
        findings,
        directive.at,
        `ldirectord-${name}`,
        `${name} has no equal`,
        'no check of rs-agent logs in',
      )
  }
}

/** What is asked, without where and how often. */
function askedOf(
  type: string,
  service: string,
  key: ServiceKey,
  section: Section,
  servers: readonly LdirectordRealServer[],
  findings: Findings,
): Partial<ImportedCheck> {
  const isUdp = key.kind === 'address' && key.protocol === 'udp'
  if (type === 'ping') return { type: 'icmp' }
  if (type === 'connect') return { type: isUdp ? 'icmp' : 'tcp' }
  if (service === 'none') return {}
  if (service === 'http' || service === 'https') return httpOf(service, section, servers, findings)
  const instead = isUdp || service === 'radius' ? 'icmp' : 'tcp'
  const directive = section.get('service') ?? section.values().next().value
  if (directive !== undefined)
    warn(
      findings,
      directive.at,
      'check-of-a-protocol',
      `real servers are asked in the language of ${service}: only ${instead === 'tcp' ? 'a connection' : 'a ping'} is checked`,
      `it sees a host or port that is down, and no ${service} that answers nonsense`,
    )
  return { type: instead }
}

function httpOf(
  type: 'http' | 'https',
  section: Section,
  servers: readonly LdirectordRealServer[],
  findings: Findings,
): Partial<ImportedCheck> {
  const [request, receive] = [
    quoted(section.get('request'), findings),
    quoted(section.get('receive'), findings),
  ]
  const method = section.get('httpmethod')
  if (method !== undefined && !/^(?:get|head)$/i.test(method.value.trim()))
    refuse(findings, method.valueAt, `httpmethod is GET or HEAD, not ${JSON.stringify(method.value.trim())}`)
  else if (method !== undefined && /head/i.test(method.value))
    warn(
      findings,
      method.at,
      'check-method',
      'the page is asked for with GET, not with HEAD',
      'nothing is to be done, unless the page is large',
    )
  const special = servers.filter(({ asks }) => asks !== null)
  const [own] = special.length === servers.length ? special : []
  for (const { at, asks, destination } of special)
    if (own === undefined || asks?.request !== own.asks?.request || asks?.receive !== own.asks?.receive)
      warn(
        findings,
        at,
        'check-of-one-real-server',
        `${destination.address} has a request and an answer of its own`,
        'a service has one check for all: let every real server answer it',
      )
  const asked = own?.asks ?? { request: request ?? '/', receive: receive ?? '' }
  const at = own?.at ?? (section.get('receive') ?? section.get('request'))?.valueAt
  const host = section.get('virtualhost')
  return {
    type,
    path: pathOf(`/${asked.request.replace(/^\//, '')}`, at, findings),
    ...(host === undefined
      ? {}
      : hostOf(/"?([^"]*)"?/.exec(host.value)?.[1]?.trim() ?? '', host.valueAt, findings)),
    ...(at === undefined ? {} : bodyOf(asked.receive, at, findings)),
  }
}

/** ldirectord takes these in quotes alone. */
function quoted(directive: Directive | undefined, findings: Findings): string | null {
  if (directive === undefined) return null
  const [, text] = /^"(.+)"/.exec(directive.value) ?? []
  if (text === undefined) refuse(findings, directive.valueAt, `${directive.name} needs a text in quotes`)
  return text ?? null
}

function checkPortOf(
  section: Section,
  key: ServiceKey,
  servers: readonly LdirectordRealServer[],
  service: string,
  findings: Findings,
): number | null {
  const directive = section.get('checkport')
  const ownPort = key.kind === 'address' ? key.port : 0
  if (directive !== undefined) {
    const port = Number(/[0-9]+/.exec(directive.value)?.[0])
    if (port >= 1 && port <= 65_535) return port === ownPort ? null : port
    refuse(findings, directive.valueAt, `checkport is a port from 1 to 65535, not ${directive.value.trim()}`)
    return null
  }
  const written = servers[0]?.writtenPort ?? 0
  const port = written > 0 ? written : (SERVICES[service] ?? 0)
  return port === 0 || port === (servers[0]?.destination.port || ownPort) ? null : port
}

function timingOf(
  section: Section,
  type: string,
  settings: Settings,
  findings: Findings,
): Pick<ImportedCheck, 'intervalMs' | 'timeoutMs' | 'rise' | 'fall'> {
  const number = (name: string): number | null => {
    const directive = section.get(name)
    const value = Number(/[0-9]+/.exec(directive?.value ?? '')?.[0])
    if (directive !== undefined && !(value > 0))
      refuse(findings, directive.valueAt, `${name} needs a number above 0`)
    return directive === undefined || !(value > 0) ? null : value
  }
  const own = { check: number('checktimeout'), negotiate: number('negotiatetimeout') }
  // Each is the other's default; see ld_setup.
  const timeout =
    type === 'negotiate'
      ? (own.negotiate ??
        own.check ??
        settings.negotiateTimeout ??
        settings.checkTimeout ??
        NEGOTIATE_TIMEOUT)
      : (own.check ?? own.negotiate ?? settings.checkTimeout ?? settings.negotiateTimeout ?? CONNECT_TIMEOUT)
  const interval = number('checkinterval')
  const passedOver = section.get('checkinterval')
  if (passedOver !== undefined && !settings.forks)
    warn(
      findings,
      passedOver.at,
      'interval-without-fork',
      `without fork=yes ldirectord passes over this: ${settings.checkInterval} s is written`,
      'write the `interval` that was meant',
    )
  return {
    intervalMs: ((settings.forks ? interval : null) ?? settings.checkInterval) * 1000,
    timeoutMs: timeout * 1000,
    rise: 1,
    fall: number('failurecount') ?? settings.failureCount,
  }
}
