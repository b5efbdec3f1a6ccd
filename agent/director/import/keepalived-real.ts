import type { IpAddress } from '../../model/address.ts'
import type { Forwarding } from '../../model/ipvs.ts'
import { type Findings, type ImportedService, type Place, refuse, warn } from './imported.ts'
import { parseSwitch, type Statement } from './keepalived-blocks.ts'
import { CHECKERS } from './keepalived-check.ts'
import { type Block, blockOf, forwardingOf, OF_SERVER, readAddress } from './keepalived-words.ts'
import { parseNumber } from './numbers.ts'

export interface RealServer {
  at: Place
  address: IpAddress
  /** 0: none is written. */
  port: number
  forwarding: Forwarding
  weight: number
  upperThreshold: number
  lowerThreshold: number
  /** Quiesced when it fails, not removed. */
  inhibit: boolean
  block: Block
  checkers: Statement[]
}

const KNOWN = [
  ...[
    'weight',
    'lvs_method',
    'uthreshold',
    'lthreshold',
    'inhibit_on_failure',
    'retry',
    'connect_timeout',
    'delay_before_retry',
  ],
  ...['delay_loop', 'virtualhost', ...CHECKERS],
]
const WITHOUT_EQUAL: Partial<Record<string, string>> = {
  ...OF_SERVER,
  alpha: 'a real server starts in the table, and its check takes it out',
  notify_down: 'run the script from what `rs-agent director status --json` says',
  notify_up: 'run the script from what `rs-agent director status --json` says',
}
/** ipvsadm's limit and ours, and keepalived's IPVS_WEIGHT_LIMIT. */
const MAX_WEIGHT = 65_535

export function readRealServers(virtual: Statement, block: Block, findings: Findings): RealServer[] {
  const kind = block.last.get('lvs_method') ?? block.last.get('lb_kind')
  const told = kind === undefined ? null : forwardingOf(kind, findings)
  const servers = (virtual.block ?? []).filter(({ words }) => words[0] === 'real_server')
  if (
    kind === undefined &&
    servers.some(({ block }) => !block?.some(({ words }) => words[0] === 'lvs_method'))
  )
    warn(
      findings,
      virtual.at,
      'forwarding-by-default',
      'no lb_kind is said: keepalived takes NAT',
      'write `forwarding: direct-route` if that was meant',
    )
  const weight = numberOf(block, 'weight', 1, 1, MAX_WEIGHT, findings)
  const inhibit = block.last.has('inhibit_on_failure')
  return servers.flatMap(statement => {
    const own = blockOf(statement, KNOWN, WITHOUT_EQUAL, findings)
    const [, text = '', portText = '0'] = statement.words
    const address = readAddress(text)
    const port = parseNumber(portText, 0, 65_535)
    if (address === null || port === null) {
      refuse(findings, statement.at, `real_server ${text} ${portText} is no address with a port`)
      return []
    }
    const method = own.last.get('lvs_method')
    const forwarding = (method === undefined ? null : forwardingOf(method, findings)) ??
      told ?? { method: 'masquerade' }
    const inhibited = own.last.get('inhibit_on_failure')
    const isInhibited = inhibited === undefined ? inhibit : parseSwitch(inhibited.words[1])
    if (isInhibited === null)
      refuse(findings, inhibited?.at ?? statement.at, 'inhibit_on_failure is true or false')
    return {
      at: statement.at,
      address,
      port,
      forwarding,
      weight: numberOf(own, 'weight', weight, 0, MAX_WEIGHT, findings),
      upperThreshold: numberOf(own, 'uthreshold', 0, 0, 0xffff_ffff, findings),
      lowerThreshold: numberOf(own, 'lthreshold', 0, 0, 0xffff_ffff, findings),
      inhibit: isInhibited ?? false,
      block: own,
      checkers: (statement.block ?? []).filter(({ words }) => CHECKERS.includes(words[0] ?? '')),
    }
  })
}

function numberOf(
  { last }: Block,
  name: string,
  otherwise: number,
  min: number,
  max: number,
  findings: Findings,
): number {
  const statement = last.get(name)
  if (statement === undefined) return otherwise
  const number = parseNumber(statement.words[1] ?? '', min, max)
  if (number === null)
    refuse(
      findings,
      statement.at,
      `${name} is from ${min} to ${max}, not ${JSON.stringify(statement.words[1] ?? '')}`,
    )
  return number ?? otherwise
}

/** One for the whole service: what the first of them does. */
export function onFailureOf(
  servers: readonly RealServer[],
  findings: Findings,
): NonNullable<ImportedService['onFailure']> {
  const [first] = servers
  const other = servers.find(({ inhibit }) => inhibit !== first?.inhibit)
  const onFailure = first?.inhibit === true ? 'quiesce' : 'remove'
  if (other !== undefined)
    warn(
      findings,
      other.at,
      'failure-of-one-real-server',
      `${other.address} is ${other.inhibit ? 'quiesced' : 'removed'} when it fails, others are not`,
      `a service has one \`onFailure\` for all: ${onFailure} is written`,
    )
  return onFailure
}
