import { type AddressFamily, familyOf, type IpAddress } from '../../model/address.ts'
import {
  type Protocol,
  type ServiceKey,
  serviceFamily,
  serviceText,
  type VirtualService,
} from '../../model/ipvs.ts'
import { whyNotDestination, whyNotService } from '../../model/ipvs-limits.ts'
import {
  type Findings,
  type ImportedCheck,
  type ImportedRealServer,
  type ImportedService,
  refuse,
  warn,
} from './imported.ts'
import type { Statement } from './keepalived-blocks.ts'
import { checksOf } from './keepalived-check.ts'
import { FLAGS, virtualServiceOf } from './keepalived-form.ts'
import { FAMILIES, type Group } from './keepalived-group.ts'
import { onFailureOf, type RealServer, readRealServers } from './keepalived-real.ts'
import { type Block, blockOf, forwardingOf, OF_SERVER, readAddress } from './keepalived-words.ts'
import { parseNumber } from './numbers.ts'

/** Where a virtual_server listens. */
type Target =
  | { kind: 'address'; address: IpAddress; port: number }
  | { kind: 'firewallMark'; mark: number; family: AddressFamily | null }

const KNOWN = [
  ...[
    'ip_family',
    'retry',
    'connect_timeout',
    'delay_loop',
    'delay_before_retry',
    'inhibit_on_failure',
    'lb_algo',
    'lvs_sched',
  ],
  ...['ops', ...FLAGS, 'lb_kind', 'lvs_method', 'persistence_engine', 'persistence_timeout'],
  ...['persistence_granularity', 'protocol', 'virtualhost', 'weight', 'real_server'],
  ...['sorry_server', 'sorry_server_inhibit', 'sorry_server_lvs_method'],
]
/** What has no equal, and what to do about it. */
const WITHOUT_EQUAL: Partial<Record<string, string>> = {
  ...OF_SERVER,
  alpha: 'a real server starts in the table, and its check takes it out',
  ha_suspend: 'start and stop rs-agent together with the VIP',
  hysteresis: '`rise` and `fall` of the check keep a real server from flapping',
  omega: 'nothing is notified when rs-agent stops',
  quorum:
    '`minimumAvailable` keeps that share of the real servers in the table; the fallback comes when none is left',
  quorum_down: 'run the script from what `rs-agent director status --json` says',
  quorum_up: 'run the script from what `rs-agent director status --json` says',
  hashed: 'keepalived itself does nothing with it',
}

/** One for each address and mark of a group, else one; none when the block is of no use. */
export function servicesOf(
  statement: Statement,
  groups: ReadonlyMap<string, Group>,
  findings: Findings,
): ImportedService[] {
  const own: Findings = { problems: findings.problems, warnings: [] }
  const targets = targetsOf(statement, groups, own)
  const block = blockOf(statement, KNOWN, WITHOUT_EQUAL, own)
  const servers = readRealServers(statement, block, own)
  if (servers.length === 0)
    refuse(own, statement.at, 'keepalived leaves out a virtual_server without real servers')
  if (targets.length === 0 || servers.length === 0) return []
  const checks = checksOf(servers, block, own)
  const onFailure = onFailureOf(servers, own)
  const protocol = protocolOf(block, targets, statement, own)
  const isGroup = statement.words[1] === 'group'
  return targets.map((target, index): ImportedService => {
    // What is told once, at the first, is not told again of the others.
    const told = index === 0 ? own : { ...own, warnings: [] }
    const key = keyOf(target, protocol, block, servers, own)
    const service = virtualServiceOf(key, block, statement, told)
    const realServers = realServersFor(key, checks, isGroup, told)
    for (const why of refusalsOf(service, realServers)) refuse(own, why.at ?? statement.at, why.message)
    return {
      at: statement.at,
      title: isGroup ? `virtual_server_group ${statement.words[2]}` : null,
      service,
      realServers,
      fallback: fallbackOf(key, block, servers, told),
      onFailure,
      // Of a group they stand at the first.
      warnings: index === 0 ? own.warnings : [],
    }
  })
}

function targetsOf(
  { words, at }: Statement,
  groups: ReadonlyMap<string, Group>,
  findings: Findings,
): Target[] {
  const [, first = '', second] = words
  if (first === 'group') {
    const group = groups.get(second ?? '')
    if (group === undefined) refuse(findings, at, `there is no virtual_server_group ${second ?? ''}`)
    return group?.entries ?? []
  }
  if (first === 'fwmark') {
    const mark = parseNumber(second ?? '', 1, 0xffff_ffff)
    if (mark === null)
      refuse(findings, at, `${JSON.stringify(second ?? '')} is no firewall mark from 1 to 4294967295`)
    return mark === null ? [] : [{ kind: 'firewallMark', mark, family: null }]
  }
  const address = readAddress(first)
  const port = parseNumber(second ?? '0', 0, 65_535)
  if (address === null) refuse(findings, at, `${JSON.stringify(first)} is no address`)
  if (port === null) refuse(findings, at, `${JSON.stringify(second)} is no port`)
  return address === null || port === null ? [] : [{ kind: 'address', address, port }]
}

function protocolOf(
  { last }: Block,
  targets: readonly Target[],
  { at }: Statement,
  findings: Findings,
): Protocol {
  const statement = last.get('protocol')
  if (statement === undefined) {
    if (targets.some(({ kind }) => kind === 'address'))
      warn(
        findings,
        at,
        'protocol-by-default',
        'no protocol is said: keepalived takes UDP',
        'write tcp behind `listen` if that was meant',
      )
    return 'udp'
  }
  const text = statement.words[1]?.toLowerCase() ?? ''
  if (text === 'tcp' || text === 'udp' || text === 'sctp') return text
  refuse(findings, statement.at, `a protocol is TCP, UDP or SCTP, not ${JSON.stringify(text)}`)
  return 'tcp'
}

/** A mark is of the family that is said, else of that of the real servers; those of tunnels count last. */
function keyOf(
  target: Target,
  protocol: Protocol,
  { last }: Block,
  servers: readonly RealServer[],
  findings: Findings,
): ServiceKey {
  const statement = last.get('ip_family')
  const told = statement === undefined ? null : (FAMILIES[statement.words[1] ?? ''] ?? null)
  if (statement !== undefined && told === null)
    refuse(
      findings,
      statement.at,
      `ip_family is inet or inet6, not ${JSON.stringify(statement.words[1] ?? '')}`,
    )
  if (target.kind === 'address') {
    if (statement !== undefined && told !== null && told !== familyOf(target.address))
      refuse(findings, statement.at, `ip_family ${statement.words[1]} beside the address ${target.address}`)
    return { kind: 'address', protocol, address: target.address, port: target.port }
  }
  const own = servers.find(({ forwarding }) => forwarding.method !== 'tunnel')
  const families = new Set(servers.map(({ address }) => familyOf(address)))
  const guessed = own === undefined ? (families.size === 1 ? [...families][0] : 4) : familyOf(own.address)
  return { kind: 'firewallMark', mark: target.mark, family: target.family ?? told ?? guessed ?? 4 }
}

/** Those that the kernel takes for this service, with the port that it gives them. */
function realServersFor(
  key: ServiceKey,
  servers: ReadonlyMap<RealServer, readonly ImportedCheck[]>,
  isGroup: boolean,
  findings: Findings,
): ImportedRealServer[] {
  const servicePort = key.kind === 'address' ? key.port : 0
  const seen = new Set<string>()
  return [...servers].flatMap(([server, checks]): ImportedRealServer[] => {
    const { at, address, port: written, forwarding, weight, upperThreshold, lowerThreshold } = server
    if (familyOf(address) !== serviceFamily(key) && forwarding.method !== 'tunnel') {
      // Of a group of both families each address gets those of its own.
      if (!isGroup) refuse(findings, at, `real server ${address} is not of the family of ${serviceText(key)}`)
      return []
    }
    const isMasqueraded = forwarding.method === 'masquerade'
    if (!isMasqueraded && written !== 0 && written !== servicePort)
      warn(
        findings,
        at,
        'port-of-the-service',
        `${address} has the port ${written}: without masquerading (NAT) it is that of the service, ${servicePort}`,
        'let the real server listen on the port of the service',
      )
    const asService = isMasqueraded ? (written === 0 && !isGroup ? servicePort : written) : servicePort
    const name = `${address} ${asService}`
    if (seen.has(name)) {
      warn(
        findings,
        at,
        'real-server-twice',
        `${address} is there twice: the second is left out, as keepalived does`,
        'nothing is to be done',
      )
      return []
    }
    seen.add(name)
    const destination = { address, port: asService, forwarding, weight, upperThreshold, lowerThreshold }
    return [{ at, destination, checks }]
  })
}

function refusalsOf(service: VirtualService, servers: readonly ImportedRealServer[]) {
  const why = whyNotService(service)
  const refusals: { at: Statement['at'] | null; message: string }[] =
    why === null ? [] : [{ at: null, message: `${serviceText(service.key)}: ${why}` }]
  for (const { at, destination } of servers) {
    const why = whyNotDestination(destination, service.key)
    if (why !== null) refusals.push({ at, message: `real server ${destination.address}: ${why}` })
  }
  return refusals
}

function fallbackOf(
  key: ServiceKey,
  { last }: Block,
  [server]: readonly RealServer[],
  findings: Findings,
): ImportedService['fallback'] {
  const statement = last.get('sorry_server')
  const inhibit = last.get('sorry_server_inhibit')
  if (statement === undefined) return null
  const [, text = '', portText = '0'] = statement.words
  const address = readAddress(text)
  const port = parseNumber(portText, 0, 65_535)
  if (address === null || port === null) {
    refuse(findings, statement.at, `sorry_server ${text} ${portText} is no address with a port`)
    return null
  }
  if (inhibit !== undefined)
    warn(
      findings,
      inhibit.at,
      'keepalived-sorry_server_inhibit',
      'sorry_server_inhibit has no equal',
      'nothing is to be done',
    )
  const method = last.get('sorry_server_lvs_method')
  const forwarding = method === undefined ? null : forwardingOf(method, findings)
  if (method !== undefined && forwarding !== null && forwarding.method !== server?.forwarding.method)
    warn(
      findings,
      method.at,
      'fallback-forwarding',
      `the sorry server is reached by ${forwarding.method} of its own`,
      "a fallback follows the service's own `forwarding`",
    )
  const kept = port === 0 && key.kind === 'address' ? key.port : port
  if (kept > 0) return { address, port: kept }
  warn(
    findings,
    statement.at,
    'fallback-without-port',
    `the sorry server ${address} has no port`,
    'write `fallback: ADDRESS:PORT` by hand',
  )
  return null
}
