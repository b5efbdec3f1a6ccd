import { type AddressFamily, familyOf, type IpAddress, parseIpAddress } from '../../model/address.ts'
import type { Forwarding, Protocol } from '../../model/ipvs.ts'
import { type Findings, refuse } from './imported.ts'
import type { Directive } from './ldirectord-file.ts'
import type { Names } from './names.ts'
import { parseNumber } from './numbers.ts'

/** What holds for every virtual service that says nothing else; times in seconds. */
export interface Settings {
  /** Null: nothing is said. */
  checkTimeout: number | null
  negotiateTimeout: number | null
  checkInterval: number
  failureCount: number
  /** Pings of one check, all of which must be lost. */
  checkCount: number
  quiescent: boolean
  /** A process for each service: only then an interval of its own counts. */
  forks: boolean
  fallback: Fallback | null
  fallback6: Fallback | null
}

export interface Fallback {
  address: IpAddress
  /** Null: the port of the service. */
  port: number | null
  forwarding: Forwarding['method']
}

/** set_defaults of ldirectord; its manual says that quiescent is yes, its code (4.x) says no. */
export const DEFAULT_SETTINGS: Settings = {
  checkTimeout: null,
  negotiateTimeout: null,
  checkInterval: 10,
  failureCount: 1,
  checkCount: 1,
  quiescent: false,
  forks: false,
  fallback: null,
  fallback6: null,
}

/** What they mean to a person who moves over. */
export const WITHOUT_EQUAL: Partial<Record<string, string>> = {
  autoreload: '`director run` reads a changed configuration by itself',
  callback: 'watch the file with a systemd path unit instead',
  cleanstop: 'what rs-agent made stays when it stops, and goes with `rs-agent director remove`',
  emailalert: 'send mail from what `rs-agent director status --json` says',
  emailalertfreq: 'send mail from what `rs-agent director status --json` says',
  emailalertfrom: 'send mail from what `rs-agent director status --json` says',
  emailalertstatus: 'send mail from what `rs-agent director status --json` says',
  execute: 'import that file too, into the same configuration',
  fallbackcommand: 'run the command from what `rs-agent director status --json` says',
  logfile: 'rs-agent writes to stderr: let systemd keep it',
  maintenancedir: 'set the weight of a real server to 0 instead',
  monitorfile: 'see `rs-agent director status`',
  readdquiescent: 'rs-agent keeps a quiesced real server in the table',
  smtp: 'send mail from what `rs-agent director status --json` says',
  supervised: 'rs-agent is started by systemd',
}

const FORWARDING: Partial<Record<string, Forwarding>> = {
  gate: { method: 'direct-route' },
  masq: { method: 'masquerade' },
  ipip: { method: 'tunnel', tunnel: { type: 'ipip' } },
}

export function forwardingOf(word: string): Forwarding | null {
  return FORWARDING[word] ?? null
}

/** `127.0.0.1:80 gate`, in which the port and the word may be absent. */
export function readFallback(
  { value, valueAt }: Directive,
  family: AddressFamily,
  names: Names,
  findings: Findings,
): Fallback | null {
  const [, socket = '', word = 'gate'] = /(\S+)(?:\s+(\S+))?\s*$/.exec(value) ?? []
  const [, host = '', port] = /^(.*?)(?::([0-9]+|[A-Za-z0-9_-]+))?$/.exec(socket) ?? []
  const address = readHost(socket.endsWith(']') ? socket : host, family, names)
  const number = port === undefined || socket.endsWith(']') ? null : readPort(port, null, names)
  const forwarding = forwardingOf(word)
  if (forwarding === null)
    refuse(findings, valueAt, `a fallback is reached by gate, masq or ipip, not ${JSON.stringify(word)}`)
  if (address === null)
    refuse(findings, valueAt, `${JSON.stringify(socket)} is no IPv${family} address or name with a port`)
  if (port !== undefined && !socket.endsWith(']') && number === null)
    refuse(findings, valueAt, `${JSON.stringify(port)} is no port`)
  if (address === null || forwarding === null) return null
  return { address, port: number, forwarding: forwarding.method }
}

/** `[2001:db8::1]`, `10.0.0.1` or a name that resolves. */
export function readHost(text: string, family: AddressFamily, names: Names): IpAddress | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  const address = parseIpAddress(bare)
  if (address !== null) return familyOf(address) === family ? address : null
  return names.address(bare, family)
}

/** A number, or a name of /etc/services. */
export function readPort(text: string, protocol: Protocol | null, names: Names): number | null {
  return /^[0-9]+$/.test(text) ? parseNumber(text, 0, 65_535) : names.port(text, protocol)
}
