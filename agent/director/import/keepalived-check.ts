import { bodyOf, hostOf, pathOf } from './http-words.ts'
import { type Findings, type ImportedCheck, refuse, warn } from './imported.ts'
import { parseTimer, type Statement } from './keepalived-blocks.ts'
import type { RealServer } from './keepalived-real.ts'
import { type Block, blockOf, OF_SERVER, readAddress } from './keepalived-words.ts'
import { parseNumber } from './numbers.ts'

/** The best one first: of several in one real server the first of these is taken. */
export const CHECKERS: readonly string[] = [
  ...['HTTP_GET', 'SSL_GET', 'TCP_CHECK', 'SMTP_CHECK', 'PING_CHECK', 'DNS_CHECK', 'UDP_CHECK'],
  ...['MISC_CHECK', 'BFD_CHECK', 'FILE_CHECK'],
]
const HINT = 'write a check by hand that asks the same: http, https, tcp or icmp'
/** What has no equal; with `instead` the nearest that has. */
const OTHERS: Partial<Record<string, { instead: ImportedCheck['type'] | null; what: string }>> = {
  SMTP_CHECK: {
    instead: 'tcp',
    what: 'real servers are asked in the language of mail: only a connection is checked',
  },
  DNS_CHECK: { instead: 'icmp', what: 'real servers are asked for a name (DNS): only a ping is checked' },
  UDP_CHECK: { instead: 'icmp', what: 'a datagram is sent to real servers: only a ping is checked' },
  MISC_CHECK: { instead: null, what: 'real servers are checked by a command' },
  BFD_CHECK: { instead: null, what: 'real servers are checked by BFD' },
  FILE_CHECK: { instead: null, what: 'real servers are checked by the content of a file' },
}
/** keepalived's own, in milliseconds (check_data.c, alloc_vs) and attempts (check_api.c, queue_checker). */
const DEFAULTS = { delayMs: 60_000, timeoutMs: 5_000, retries: 1 }

/** One for the service: that of the first real server that has any. Others that differ are told. */
export function checkOfAll(
  servers: readonly RealServer[],
  virtual: Block,
  findings: Findings,
): ImportedCheck | null {
  const known = new Set<string>()
  const checks = servers.map(server => {
    // What every real server has alike is told once.
    const own: Findings = { problems: findings.problems, warnings: [] }
    const check = checkOf(server, virtual, own)
    for (const warning of own.warnings)
      if (!known.has(`${warning.id} ${warning.message}`)) {
        known.add(`${warning.id} ${warning.message}`)
        findings.warnings.push(warning)
      }
    return check
  })
  const chosen = checks.find(check => check !== null) ?? null
  if (chosen === null) return null
  checks.forEach((check, index) => {
    const { at, address } = servers[index] as RealServer
    if (JSON.stringify(check) === JSON.stringify(chosen)) return
    const what = check === null ? 'has no check' : 'has a check of its own'
    const hint = 'a service has one check for all: let every real server answer it'
    warn(findings, at, 'check-of-one-real-server', `${address} ${what}`, hint)
  })
  return chosen
}

function checkOf(
  { checkers, ...server }: RealServer,
  virtual: Block,
  findings: Findings,
): ImportedCheck | null {
  const ranked = checkers.toSorted((a, b) => rankOf(a) - rankOf(b))
  const [checker, ...others] = ranked
  for (const { words, at } of others) {
    const message = `${words[0]} beside ${checker?.words[0]}: only one of them is written`
    warn(findings, at, 'several-checks', message, 'a service has one check')
  }
  if (checker === undefined) return null
  const name = checker.words[0] as string
  const block = blockOf(checker, KNOWN, WITHOUT_EQUAL, findings)
  const other = OTHERS[name]
  if (other !== undefined) {
    const id = name === 'MISC_CHECK' ? 'check-by-command' : 'check-of-a-protocol'
    const command = block.last.get('misc_path')?.words.slice(1).join(' ')
    warn(findings, checker.at, id, `${other.what}${command === undefined ? '' : `, ${command}`}`, HINT)
    if (other.instead === null) return null
  }
  const type = other?.instead ?? TYPES[name] ?? 'tcp'
  const blocks = [block, server.block, virtual]
  const isWeb = type === 'http' || type === 'https'
  return {
    type,
    ...(type === 'icmp' ? {} : portOf(block, server.port, findings)),
    ...(isWeb ? webOf(checker, blocks, findings) : {}),
    intervalMs: timerOf('delay_loop', blocks, DEFAULTS.delayMs, findings),
    timeoutMs: timerOf('connect_timeout', blocks, DEFAULTS.timeoutMs, findings),
    rise: 1,
    fall: retriesOf(blocks, findings) + 1,
  }
}

const rankOf = ({ words }: Statement): number => CHECKERS.indexOf(words[0] ?? '')
const TYPES: Partial<Record<string, ImportedCheck['type']>> = {
  HTTP_GET: 'http',
  SSL_GET: 'https',
  TCP_CHECK: 'tcp',
  PING_CHECK: 'icmp',
}

const KNOWN = [
  ...['connect_port', 'connect_timeout', 'retry', 'nb_get_retry', 'delay_loop', 'url', 'virtualhost'],
  // Told with the checker as a whole.
  ...['misc_path', 'misc_timeout', 'misc_dynamic', 'user', 'type', 'name', 'payload', 'require_reply'],
  ...['min_reply_length', 'max_reply_length', 'helo_name', 'host', 'track_file', 'weight', 'connect_ip'],
  ...['enable_sni', 'sni_name', 'http_protocol', 'fast_recovery', 'tls_compliant', 'log_all_failures'],
]
const WITHOUT_EQUAL: Partial<Record<string, string>> = {
  ...OF_SERVER,
  alpha: 'a real server starts in the table, and its check takes it out',
  bind_if: 'the routes of this host say which NIC a check leaves by',
  bind_port: 'the kernel chooses the port',
  bindto: 'the routes of this host say which address a check comes from',
  fwmark: 'no packet of a check is marked',
}

function portOf({ last }: Block, ownPort: number, findings: Findings): { port?: number } {
  const elsewhere = last.get('connect_ip')
  if (elsewhere !== undefined && readAddress(elsewhere.words[1] ?? '') === null)
    refuse(
      findings,
      elsewhere.at,
      `connect_ip needs an address, not ${JSON.stringify(elsewhere.words[1] ?? '')}`,
    )
  else if (elsewhere !== undefined)
    warn(
      findings,
      elsewhere.at,
      'keepalived-connect_ip',
      `${elsewhere.words.join(' ')}: another address is asked`,
      'a check asks the real server itself',
    )
  const statement = last.get('connect_port')
  if (statement === undefined) return {}
  const port = parseNumber(statement.words[1] ?? '', 1, 65_535)
  if (port === null) refuse(findings, statement.at, 'connect_port is from 1 to 65535')
  return port === null || port === ownPort ? {} : { port }
}

function webOf(checker: Statement, blocks: readonly Block[], findings: Findings): Partial<ImportedCheck> {
  const urls = (checker.block ?? []).filter(({ words }) => words[0] === 'url')
  const [url, ...others] = urls
  if (url === undefined) {
    refuse(findings, checker.at, `${checker.words[0]} needs a url`)
    return {}
  }
  for (const { at } of others)
    warn(findings, at, 'several-urls', 'only the first url is asked for', 'a check asks for one page')
  const block = blockOf(url, URL_KNOWN, URL_WITHOUT_EQUAL, findings)
  const path = block.last.get('path')
  if (path?.words[1] === undefined) refuse(findings, path?.at ?? url.at, 'a url needs a path')
  const host = [block, ...blocks].map(({ last }) => last.get('virtualhost')).find(Boolean)
  const sni = blocks[0]?.last.get('sni_name')
  const named = host ?? (sni?.words[1] === undefined ? undefined : sni)
  const pattern = block.last.get('regex')
  const isInverse = block.last.has('regex_no_match')
  return {
    path: pathOf(path?.words[1] ?? '/', path?.at, findings),
    ...(named === undefined ? {} : hostOf(named.words[1] ?? '', named.at, findings)),
    ...statusOf(block.last.get('status_code'), findings),
    ...(pattern === undefined || isInverse ? {} : bodyOf(pattern.words[1] ?? '', pattern.at, findings)),
  }
}

const URL_KNOWN = ['path', 'status_code', 'virtualhost', 'regex', 'regex_no_match', 'tls_compliant']
const ABOUT_BODY = 'write `body`, a text that every good answer contains'
const URL_WITHOUT_EQUAL: Partial<Record<string, string>> = {
  digest: ABOUT_BODY,
  regex_max_offset: ABOUT_BODY,
  regex_min_offset: ABOUT_BODY,
  regex_options: ABOUT_BODY,
  regex_stack: 'nothing is to be done',
}

/** One status, or those of 200 to 299, which are the default. */
function statusOf(statement: Statement | undefined, findings: Findings): { status?: number } {
  const codes = statement?.words.slice(1) ?? []
  if (statement === undefined) return {}
  for (const code of codes)
    if (!/^[1-5][0-9]{2}(?:-[1-5][0-9]{2})?$/.test(code))
      refuse(findings, statement.at, `${JSON.stringify(code)} is no HTTP status`)
  const [code = '', ...others] = codes
  if (others.length === 0 && /^[0-9]{3}$/.test(code)) return { status: Number(code) }
  if (codes.join() !== '200-299')
    warn(
      findings,
      statement.at,
      'check-status',
      `several statuses are good: ${codes.join(' ')}`,
      'every status below 400 is taken; write one `status` for less',
    )
  return {}
}

function timerOf(name: string, blocks: readonly Block[], otherwiseMs: number, findings: Findings): number {
  const statement = blocks.map(({ last }) => last.get(name)).find(Boolean)
  if (statement === undefined) return otherwiseMs
  const milliseconds = parseTimer(statement.words[1] ?? '', 1)
  if (milliseconds === null)
    refuse(
      findings,
      statement.at,
      `${name} is a number of seconds, not ${JSON.stringify(statement.words[1] ?? '')}`,
    )
  return milliseconds ?? otherwiseMs
}

function retriesOf(blocks: readonly Block[], findings: Findings): number {
  const statement = blocks.flatMap(({ last }) => [last.get('retry'), last.get('nb_get_retry')]).find(Boolean)
  if (statement === undefined) return DEFAULTS.retries
  const retries = parseNumber(statement.words[1] ?? '', 0, 0xffff_ffff)
  if (retries === null)
    refuse(findings, statement.at, `retry is a number, not ${JSON.stringify(statement.words[1] ?? '')}`)
  return retries ?? DEFAULTS.retries
}
