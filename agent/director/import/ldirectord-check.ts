import { type ServiceKey, serviceFamily } from '../../model/ipvs.ts'
import { type Findings, type ImportedCheck, refuse, warn } from './imported.ts'
import { SERVICES, serviceNameOf } from './ldirectord-protocols.ts'
import type { LdirectordRealServer } from './ldirectord-real.ts'
import type { Section } from './ldirectord-service.ts'
import type { Settings } from './ldirectord-settings.ts'
import { httpOf } from './ldirectord-web.ts'

const CHECK_TYPES = ['connect', 'negotiate', 'ping', 'off', 'on', 'external', 'external-perl']
/** Timeouts of ldirectord when nothing is said, in seconds. */
const CONNECT_TIMEOUT = 5
const NEGOTIATE_TIMEOUT = 30

export interface Checked {
  /** Nobody is let in: ldirectord adds no real server. */
  isOff: boolean
  /** What one of the real servers is asked. */
  checks(server: LdirectordRealServer): ImportedCheck[]
}

/** The checks that ask what ldirectord asks, as far as there are some. */
export function checksOf(section: Section, key: ServiceKey, settings: Settings, findings: Findings): Checked {
  const { type, connects } = checkTypeOf(section, findings)
  const service = serviceNameOf(section, key, findings)
  const given = section.get('checktype') ?? section.values().next().value
  warnOfSecrets(section, findings)
  if (type === 'off' && given !== undefined)
    warn(
      findings,
      given.at,
      'checktype-off',
      'with checktype=off ldirectord lets nobody in: the weights are written as 0',
      'give the real servers their weights when clients may come',
    )
  if (type === 'off' || type === 'on') return { isOff: type === 'off', checks: () => [] }
  const times = timingOf(section, type, key, settings, findings)
  if (type === 'external' || type === 'external-perl')
    return {
      isOff: false,
      checks: server => [{ type: 'command', command: commandOf(type, section, key, server), ...times }],
    }
  const port = checkPortOf(section, service, findings)
  const question = questionOf(type, service, key, section, findings)
  // It connects so many times, then asks once.
  const seldom = { ...times, intervalMs: times.intervalMs * ((connects ?? 0) + 1) }
  const told: Findings = { problems: [], warnings: [] }
  const often = connects === null ? null : timingOf(section, 'connect', key, settings, told)
  return {
    isOff: false,
    checks(server) {
      const at = port(server)
      const checkOf = (asked: Asked, pace: Pace): ImportedCheck => ({
        ...(at === null || asked.type === 'icmp' ? {} : { port: at }),
        ...asked,
        ...pace,
      })
      const asked = question(server)
      return [
        ...(often === null ? [] : [checkOf(connectionOf(key), often)]),
        ...(asked === null ? [] : [checkOf(asked, seldom)]),
      ]
    },
  }
}

type Asked = Pick<ImportedCheck, 'type' | 'method' | 'path' | 'host' | 'body'>
type Pace = Pick<ImportedCheck, 'intervalMs' | 'timeoutMs' | 'rise' | 'fall'>

const connectionOf = (key: ServiceKey): Asked => ({ type: isUdp(key) ? 'icmp' : 'tcp' })
const isUdp = (key: ServiceKey): boolean => key.kind === 'address' && key.protocol === 'udp'

/** `connects`: so many connections between two whole checks; null: none. */
function checkTypeOf(section: Section, findings: Findings): { type: string; connects: number | null } {
  const directive = section.get('checktype')
  if (directive === undefined) return { type: 'negotiate', connects: null }
  const digits = /[0-9]+/.exec(directive.value)?.[0]
  if (digits !== undefined) {
    const hint = 'one that is down comes back as late: write a shorter `interval` where that is too late'
    const message = `checktype=${directive.value.trim()} connects that many times before it asks again: two checks are written`
    warn(findings, directive.at, 'checktype-combined', message, hint)
    return { type: 'negotiate', connects: Number(digits) }
  }
  const type = /[\w-]+/.exec(directive.value)?.[0] ?? ''
  if (!CHECK_TYPES.includes(type))
    refuse(
      findings,
      directive.valueAt,
      `checktype is ${CHECK_TYPES.join(', ')} or a number, not ${JSON.stringify(type)}`,
    )
  return { type, connects: null }
}

/**
 * ldirectord gives its command four words: the VIP or mark, its port, the real server, its port (check_external). Ours
 * gets its words as they are written, and the real server in its environment.
 */
function commandOf(
  type: 'external' | 'external-perl',
  section: Section,
  key: ServiceKey,
  { writtenPort }: LdirectordRealServer,
): string[] {
  const value = section.get('checkcommand')?.value.trim()
  const program = /^"(.*)"/.exec(value ?? '')?.[1] ?? value ?? '/bin/true'
  const isIpv6 = serviceFamily(key) === 6
  const bracketed = (address: string): string => (isIpv6 ? `"[${address}]"` : `"${address}"`)
  const virtual = key.kind === 'address' ? [bracketed(key.address), key.port] : [key.mark, 0]
  const words = [...virtual, bracketed('$RS_AGENT_RIP'), writtenPort].join(' ')
  return ['sh', '-c', `exec ${type === 'external' ? '' : 'perl '}"$0" ${words}`, program]
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
function questionOf(
  type: string,
  service: string,
  key: ServiceKey,
  section: Section,
  findings: Findings,
): (server: LdirectordRealServer) => Asked | null {
  if (type === 'ping') return () => ({ type: 'icmp' })
  if (type === 'connect') return () => connectionOf(key)
  if (service === 'none') return () => null
  if (service === 'http' || service === 'https') return httpOf(service, section, findings)
  const instead = isUdp(key) || service === 'radius' ? 'icmp' : 'tcp'
  const directive = section.get('service') ?? section.values().next().value
  if (directive !== undefined)
    warn(
      findings,
      directive.at,
      'check-of-a-protocol',
      `real servers are asked in the language of ${service}: only ${instead === 'tcp' ? 'a connection' : 'a ping'} is checked`,
      `it sees a host or port that is down, and no ${service} that answers nonsense`,
    )
  return () => ({ type: instead })
}

/** ld_checkport of ldirectord; null when nothing tells it. */
function checkPortOf(
  section: Section,
  service: string,
  findings: Findings,
): (server: LdirectordRealServer) => number | null {
  const directive = section.get('checkport')
  const told = Number(/[0-9]+/.exec(directive?.value ?? '')?.[0])
  if (directive !== undefined && !(told >= 1 && told <= 65_535))
    refuse(findings, directive.valueAt, `checkport is a port from 1 to 65535, not ${directive.value.trim()}`)
  if (directive !== undefined) return () => told
  return ({ writtenPort }) => (writtenPort > 0 ? writtenPort : (SERVICES[service] ?? null))
}

function timingOf(
  section: Section,
  type: string,
  key: ServiceKey,
  settings: Settings,
  findings: Findings,
): Pace {
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
  const isPing = type === 'ping' || (type === 'connect' && isUdp(key))
  const pings = isPing ? (number('checkcount') ?? settings.checkCount) : 1
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
    fall: (number('failurecount') ?? settings.failureCount) * pings,
  }
}
