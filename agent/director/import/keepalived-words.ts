import { type IpAddress, parseIpAddress } from '../../model/address.ts'
import type { Forwarding, TunnelChecksum } from '../../model/ipvs.ts'
import { type Findings, refuse, warn } from './imported.ts'
import type { Statement } from './keepalived-blocks.ts'
import { parseNumber } from './numbers.ts'

/** What the blocks of virtual servers, real servers and checkers have in common. */

export interface Block {
  /** The last statement of each keyword. */
  last: ReadonlyMap<string, Statement>
}

/** Tells the keywords that have no equal, and those that keepalived itself does not know. */
export function blockOf(
  { block, words: [name = ''], at }: Statement,
  known: readonly string[],
  withoutEqual: Partial<Record<string, string>>,
  findings: Findings,
): Block {
  if (block === null) refuse(findings, at, `${name} needs a block in braces`)
  const last = new Map<string, Statement>()
  for (const statement of block ?? []) {
    const [keyword = ''] = statement.words
    const hint = withoutEqual[keyword]
    if (known.includes(keyword)) {
      if (statement.block !== null && !WITH_BLOCK.test(keyword))
        refuse(findings, statement.at, `${keyword} has no block: what follows belongs on a line of its own`)
      last.set(keyword, statement)
    } else if (hint !== undefined)
      warn(findings, statement.at, `keepalived-${keyword}`, `${statement.words.join(' ')} has no equal`, hint)
    else if (statement.block !== null)
      refuse(findings, statement.at, `keepalived knows no block ${keyword} in ${name}`)
    else
      warn(
        findings,
        statement.at,
        'unknown-keyword',
        `keepalived knows no ${JSON.stringify(keyword)} in ${name}, and passes over it`,
        'see that it is no slip of the pen',
      )
  }
  return { last }
}

const WITH_BLOCK = /^(?:real_server|url|host|.*_(?:GET|CHECK))$/

/** Of virtual servers, real servers and checkers. */
export const OF_SERVER: Partial<Record<string, string>> = {
  smtp_alert: 'send mail from what `rs-agent director status --json` says',
  snmp_name: 'read `rs-agent director status --json` instead',
  warmup: 'nothing is to be done: it only spreads the first checks',
}

/** keepalived passes over a range or a prefix length behind an address. */
export function readAddress(text: string): IpAddress | null {
  return parseIpAddress(text.replace(/[-/].*$/, ''))
}

const CHECKSUMS: Partial<Record<string, TunnelChecksum>> = { nocsum: 'none', csum: 'full', remcsum: 'remote' }

/** `NAT`, `DR`, `TUN [type ipip|gue|gre] [port N] [nocsum|csum|remcsum]`; null is a finding. */
export function forwardingOf({ words, at }: Statement, findings: Findings): Forwarding | null {
  const [, kind = '', ...options] = words
  if (kind === 'NAT' || kind === 'DR') return { method: kind === 'NAT' ? 'masquerade' : 'direct-route' }
  const wrong = (why: string): null => {
    refuse(findings, at, `${words.join(' ')}: ${why}`)
    return null
  }
  if (kind !== 'TUN') return wrong('NAT, DR or TUN is expected')
  let [type, port, checksum]: [string, number | null, TunnelChecksum] = ['ipip', null, 'none']
  for (let index = 0; index < options.length; index++) {
    const option = options[index] as string
    const sum = CHECKSUMS[option]
    if (sum !== undefined) checksum = sum
    else if (option === 'type') type = options[++index] ?? ''
    else if (option === 'port') port = parseNumber(options[++index] ?? '', 1, 65_535)
    else return wrong(`there is no option ${option}`)
  }
  if ((type === 'gue') !== (port !== null)) return wrong('a port is for gue, and for gue alone')
  if (type === 'gue') return { method: 'tunnel', tunnel: { type, port: port ?? 1, checksum } }
  if (type === 'gre' && checksum === 'remote') return wrong('gre has no remcsum')
  if (type === 'gre') return { method: 'tunnel', tunnel: { type, checksum } }
  if (type !== 'ipip') return wrong(`a tunnel is ipip, gue or gre, not ${type}`)
  return checksum === 'none' ? { method: 'tunnel', tunnel: { type } } : wrong('ipip has no checksum')
}
