import {
  type AddressFamily,
  addressBytes,
  addressFromBytes,
  type IpAddress,
  ipv4Number,
} from '../../model/address.ts'
import { type ServiceKey, serviceFamily } from '../../model/ipvs.ts'
import { type Findings, type ImportedRealServer, refuse } from './imported.ts'
import type { Directive } from './ldirectord-file.ts'
import { forwardingOf, readHost, readPort } from './ldirectord-settings.ts'
import type { Names } from './names.ts'

export interface LdirectordRealServer extends Omit<ImportedRealServer, 'checks'> {
  /** A request and an answer of its own. */
  asks: { request: string; receive: string } | null
  /** 0: none. It is checked when no checkport is said. */
  writtenPort: number
}

const REAL =
  /(\d+\.\d+\.\d+\.\d+|[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?:->(\d+\.\d+\.\d+\.\d+|[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]))?(?::(\d+|[A-Za-z0-9_-]+))?\s+(.*)/
/** No network that somebody checks every few seconds is larger. */
const MAX_RANGE = 4096

/** `real=IP[->IP][:PORT] gate|masq|ipip [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N]`, one for each address of a range. */
export function readRealServers(
  directives: readonly Directive[],
  key: ServiceKey,
  names: Names,
  findings: Findings,
): LdirectordRealServer[] {
  const servers = directives.flatMap(directive => readRealServer(directive, key, names, findings))
  const seen = new Set<string>()
  for (const { at, destination } of servers) {
    const name = `${destination.address} ${destination.port}`
    // ipvsadm would refuse to add it again.
    if (seen.has(name)) refuse(findings, at, `real server ${destination.address} is there twice`)
    seen.add(name)
  }
  return servers
}

function readRealServer(
  { name, value, valueAt: at }: Directive,
  key: ServiceKey,
  names: Names,
  findings: Findings,
): LdirectordRealServer[] {
  const [, first, last, portText = '0', flags = ''] = REAL.exec(value) ?? []
  const form = parseFlags(flags)
  if (first === undefined || typeof form === 'string') {
    const why =
      first !== undefined && typeof form === 'string' ? form : 'ADDRESS[:PORT] gate|masq|ipip is expected'
    refuse(findings, at, `${name}=${value.trim()}: ${why}`)
    return []
  }
  const port = readPort(portText, null, names)
  if (port === null) refuse(findings, at, `${JSON.stringify(portText)} is no port`)
  const addresses = rangeOf(first, last, serviceFamily(key), names)
  if (typeof addresses === 'string') {
    refuse(findings, at, addresses)
    return []
  }
  const { asks, ...destination } = form
  // ipvsadm gives a service's own port to all that is not masqueraded.
  const kept =
    key.kind === 'address' && destination.forwarding.method !== 'masquerade' ? key.port : (port ?? 0)
  return addresses.map(address => ({
    at,
    asks,
    writtenPort: port ?? 0,
    destination: { address, port: kept, ...destination },
  }))
}

/** What stands behind the address, or why it cannot be understood. */
function parseFlags(flags: string) {
  const [, word = '', behindWord = ''] = /(\w+)(.*)/.exec(flags) ?? []
  const forwarding = forwardingOf(word)
  if (forwarding === null)
    return `a real server is reached by gate, masq or ipip, not ${JSON.stringify(word)}`
  let rest = behindWord
  const take = (pattern: RegExp): string[] => {
    const found = pattern.exec(rest)
    if (found !== null) rest = found.at(-1) ?? ''
    return found === null ? [] : found.slice(1, -1)
  }
  const [weight = '1'] = take(/\s+(\d+)(.*)/)
  const [request, receive = ''] = take(/\s+"(.*)"[, ]\s*"(.*)"(.*)/)
  const [lower = '0'] = take(/\s+l:(\d+)(.*)/)
  const [upper = '0'] = take(/\s+u:(\d+)(.*)/)
  if (/\S/.test(rest)) return `${JSON.stringify(rest.trim())} is not understood`
  if (Number(weight) > 65_535) return `ipvsadm takes no weight above 65535, and this is ${weight}`
  return {
    forwarding,
    weight: Number(weight),
    upperThreshold: Number(upper),
    lowerThreshold: Number(lower),
    asks: request === undefined ? null : { request, receive },
  }
}

/** Every address from the first to the last, or why there is none. */
function rangeOf(
  first: string,
  last: string | undefined,
  family: AddressFamily,
  names: Names,
): IpAddress[] | string {
  const from = readHost(first, family, names)
  if (from === null) return `${JSON.stringify(first)} is no IPv${family} address, and no name of one`
  if (last === undefined) return [from]
  const to = readHost(last, family, names)
  if (to === null) return `${JSON.stringify(last)} is no IPv${family} address, and no name of one`
  if (family === 6) return 'ldirectord has no ranges of IPv6'
  const count = ipv4Number(to) - ipv4Number(from) + 1
  if (count < 1) return `the range ${from}->${to} ends before it starts`
  if (count > MAX_RANGE) return `the range ${from}->${to} has more than ${MAX_RANGE} addresses`
  return Array.from({ length: count }, (_, index) => addressAfter(from, index))
}

function addressAfter(address: IpAddress, offset: number): IpAddress {
  const bytes = Buffer.from(addressBytes(address))
  bytes.writeUInt32BE(bytes.readUInt32BE() + offset)
  return addressFromBytes(bytes)
}
