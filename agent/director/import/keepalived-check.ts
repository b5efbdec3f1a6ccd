import { type Findings, type ImportedCheck, refuse, warn } from './imported.ts'
import { parseTimer, type Statement } from './keepalived-blocks.ts'
import { commandOf } from './keepalived-misc.ts'
import type { RealServer } from './keepalived-real.ts'
import { pagesOf } from './keepalived-web.ts'
import { type Block, blockOf, OF_SERVER, readAddress } from './keepalived-words.ts'
import { parseNumber } from './numbers.ts'

/**
 * What each checker becomes; with `what` it is the nearest that there is, or null for nothing. A `retryMs` of null is
 * the interval (check_http.c and check_dns.c, default_delay_before_retry).
 */
const CHECKERS_BY_NAME: Record<
  string,
  { type: ImportedCheck['type'] | null; what?: string; retries?: number; retryMs?: number | null }
> = {
  HTTP_GET: { type: 'http', retryMs: 3_000 },
  SSL_GET: { type: 'https', retryMs: 3_000 },
  TCP_CHECK: { type: 'tcp' },
  PING_CHECK: { type: 'icmp' },
  MISC_CHECK: { type: 'command', retries: 0 },
  SMTP_CHECK: {
    type: 'tcp',
    what: 'real servers are asked in the language of mail: only a connection is checked',
  },
  DNS_CHECK: {
    type: 'icmp',
    what: 'real servers are asked for a name (DNS): only a ping is checked',
    retries: 3,
    retryMs: null,
  },
  UDP_CHECK: { type: 'icmp', what: 'a datagram is sent to real servers: only a ping is checked' },
  BFD_CHECK: { type: null, what: 'real servers are checked by BFD: that is left out' },
  FILE_CHECK: { type: null, what: 'real servers are checked by the content of a file: that is left out' },
}
export const CHECKERS: readonly string[] = Object.keys(CHECKERS_BY_NAME)
const HINT = 'write a check by hand that asks the same: http, https, tcp, icmp or command'
/** keepalived's own, in milliseconds (check_data.c, alloc_vs) and attempts (check_api.c, queue_checker). */
const DEFAULTS = { delayMs: 60_000, timeoutMs: 5_000, retries: 1, retryMs: 1_000 }

/** Of each real server the checks that it must pass, all of them. */
export function checksOf(
  servers: readonly RealServer[],
  virtual: Block,
  findings: Findings,
): Map<RealServer, ImportedCheck[]> {
  const known = new Set<string>()
  return new Map(
    servers.map(server => {
      // What every real server has alike is told once.
      const own: Findings = { problems: findings.problems, warnings: [] }
      const checks = server.checkers.flatMap(checker => checksOfOne(checker, server, virtual, own))
      for (const warning of own.warnings)
        if (!known.has(`${warning.id} ${warning.message}`)) {
          known.add(`${warning.id} ${warning.message}`)
          findings.warnings.push(warning)
        }
      return [server, checks]
    }),
  )
}

function checksOfOne(
  checker: Statement,
  server: RealServer,
  virtual: Block,
  findings: Findings,
): ImportedCheck[] {
  const {
    type,
    what,
    retries = DEFAULTS.retries,
    retryMs = DEFAULTS.retryMs,
  } = CHECKERS_BY_NAME[checker.words[0] ?? ''] ?? { type: null }
  const block = blockOf(checker, KNOWN, WITHOUT_EQUAL, findings)
  const blocks = [block, server.block, virtual]
  if (what !== undefined) warn(findings, checker.at, 'check-of-a-protocol', what, HINT)
  const intervalMs = timerOf('delay_loop', blocks, DEFAULTS.delayMs, findings)
  const toldRetryMs = timerOf('delay_before_retry', blocks, retryMs ?? intervalMs, findings)
  const fall = retriesOf(blocks, retries, findings) + 1
  const timing = {
    intervalMs,
    timeoutMs: timerOf('connect_timeout', blocks, DEFAULTS.timeoutMs, findings),
    rise: 1,
    fall,
    // There is nothing to try again where the first failure counts.
    ...(fall === 1 ? {} : { retryMs: toldRetryMs }),
  }
  const port = portOf(block, server, findings)
  switch (type) {
    case null:
      return []
    case 'icmp':
      return [{ type, ...timing }]
    case 'tcp':
      return [{ type, ...port, ...timing }]
    case 'http':
    case 'https':
      return pagesOf(checker, blocks, findings).map(page => ({ type, ...port, ...page, ...timing }))
    case 'command': {
      const command = commandOf(checker, block, findings)
      // check_misc.c, misc_check_thread; 0 is none.
      const ofService = timerOf('delay_loop', [virtual], DEFAULTS.delayMs, findings)
      const isTold = Number(block.last.get('misc_timeout')?.words[1]) !== 0
      const timeoutMs = isTold ? timerOf('misc_timeout', [block], ofService, findings) : ofService
      return command === null ? [] : [{ type, command, ...timing, timeoutMs }]
    }
    default:
      return type satisfies never
  }
}

const KNOWN = [
  ...['connect_port', 'connect_timeout', 'retry', 'nb_get_retry', 'delay_loop', 'delay_before_retry'],
  ...['url', 'virtualhost'],
  ...['misc_path', 'misc_timeout', 'misc_dynamic', 'user'],
  // Told with the checker as a whole.
  ...['type', 'name', 'payload', 'require_reply'],
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

/** That which is told, else that which is written beside the address, also where IPVS has another (queue_checker). */
function portOf({ last }: Block, server: RealServer, findings: Findings): { port?: number } {
  const elsewhere = last.get('connect_ip')
  const asked = elsewhere === undefined ? server.address : readAddress(elsewhere.words[1] ?? '')
  if (elsewhere !== undefined && asked === null)
    refuse(
      findings,
      elsewhere.at,
      `connect_ip needs an address, not ${JSON.stringify(elsewhere.words[1] ?? '')}`,
    )
  else if (elsewhere !== undefined && asked !== server.address)
    warn(
      findings,
      elsewhere.at,
      'keepalived-connect_ip',
      `${elsewhere.words.join(' ')}: another address is asked`,
      'a check asks the real server itself',
    )
  const statement = last.get('connect_port')
  const otherwise = server.port === 0 ? {} : { port: server.port }
  if (statement === undefined) return otherwise
  const port = parseNumber(statement.words[1] ?? '', 1, 65_535)
  if (port === null) refuse(findings, statement.at, 'connect_port is from 1 to 65535')
  return port === null ? otherwise : { port }
}

/** Only `delay_before_retry` may be 0, at once: our shortest time is 1 ms. */
function timerOf(name: string, blocks: readonly Block[], otherwiseMs: number, findings: Findings): number {
  const statement = blocks.map(({ last }) => last.get(name)).find(Boolean)
  if (statement === undefined) return otherwiseMs
  const milliseconds = parseTimer(statement.words[1] ?? '', name === 'delay_before_retry' ? 0 : 1)
  if (milliseconds === null)
    refuse(
      findings,
      statement.at,
      `${name} is a number of seconds, not ${JSON.stringify(statement.words[1] ?? '')}`,
    )
  return milliseconds === null ? otherwiseMs : Math.max(milliseconds, 1)
}

function retriesOf(blocks: readonly Block[], otherwise: number, findings: Findings): number {
  const statement = blocks.flatMap(({ last }) => [last.get('retry'), last.get('nb_get_retry')]).find(Boolean)
  if (statement === undefined) return otherwise
  const retries = parseNumber(statement.words[1] ?? '', 0, 0xffff_ffff)
  if (retries === null)
    refuse(findings, statement.at, `retry is a number, not ${JSON.stringify(statement.words[1] ?? '')}`)
  return retries ?? otherwise
}
