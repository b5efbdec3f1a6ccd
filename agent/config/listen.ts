import * as v from 'valibot'
import { familyOf, type IpAddress, parseIpAddress, whyNotVip } from '../model/address.ts'

/** What clients reach: `10.10.10.100:80/tcp`, `[2001:db8::100]:443/tcp`; port 0 stands for every port. */
export interface Listen {
  address: IpAddress
  port: number
  protocol: 'tcp' | 'udp' | 'sctp'
}

const LISTEN = 'VIP:PORT/PROTOCOL such as 10.10.10.100:80/tcp or [2001:db8::100]:443/tcp'
export const listen = v.pipe(
  v.string(LISTEN),
  v.check(value => parseListen(value) !== null, LISTEN),
  v.transform(value => parseListen(value) as Listen),
  v.check(
    ({ address }) => whyNotVip(address) === null,
    issue => `an address that clients can reach, not ${whyNotVip(issue.input.address)}`,
  ),
)

const FALLBACK = 'ADDRESS:PORT such as 127.0.0.1:80'
export const fallback = v.pipe(
  v.string(FALLBACK),
  v.check(value => parseSocketAddress(value) !== null, FALLBACK),
  v.transform(value => parseSocketAddress(value) as SocketAddress),
)

export interface SocketAddress {
  address: IpAddress
  port: number
}

function parseListen(text: string): Listen | null {
  const [, socket = '', protocol] = /^(.*)\/(tcp|udp|sctp)$/.exec(text) ?? []
  const parsed = parseSocketAddress(socket, { everyPort: true })
  return parsed === null ? null : { ...parsed, protocol: protocol as Listen['protocol'] }
}

function parseSocketAddress(text: string, { everyPort = false } = {}): SocketAddress | null {
  const [, ipv6, ipv4, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(0|[1-9][0-9]{0,4})$/.exec(text) ?? []
  const address = parseIpAddress(ipv6 ?? ipv4 ?? '')
  const port = Number(digits)
  if (address === null || (familyOf(address) === 6) !== (ipv6 !== undefined)) return null
  return port <= 65_535 && (port > 0 || everyPort) ? { address, port } : null
}
