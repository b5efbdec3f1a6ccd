import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { hasErrno } from '../errors.ts'
import { addressFromBytes, type IpAddress, parseIpAddress } from '../model/address.ts'
import type { Connection } from '../model/ipvs.ts'
import { withoutIpvs } from './without-ipvs.ts'

/** The kernel's table of connections; IPVS tells it in no other way. */
const PATH = '/proc/net/ip_vs_conn'

/** One after the other, as there may be millions. Throws AgentError `unsupported` without IPVS. */
export async function* readConnections(): AsyncGenerator<Connection> {
  const lines = createInterface({
    input: createReadStream(PATH, 'latin1'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  try {
    for await (const line of lines) {
      const connection = parseConnection(line)
      if (connection !== null) yield connection
    }
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) throw withoutIpvs(error)
    throw error
  }
}

/** Null for the heading. `ip_vs_conn_seq_show` of net/netfilter/ipvs/ip_vs_conn.c writes the line. */
export function parseConnection(line: string): Connection | null {
  const [protocol = '', ...words] = line.trim().split(/\s+/)
  if (words.length < 8 || protocol === 'Pro') return null
  const [client, clientPort, vip, vipPort, realServer, realServerPort, ...rest] = words
  const expires = rest.findIndex((word, index) => index > 0 && /^\d+$/.test(word))
  return {
    protocol: protocol.toLowerCase(),
    client: parseAddress(client),
    clientPort: parsePort(clientPort),
    vip: parseAddress(vip),
    vipPort: parsePort(vipPort),
    realServer: parseAddress(realServer),
    realServerPort: parsePort(realServerPort),
    // Of more than one word for a persistence template on some kernels.
    state: rest.slice(0, expires === -1 ? 1 : expires).join(' '),
    expiresSeconds: Number(rest[expires] ?? 0),
  }
}

/** IPv4 in eight hexadecimal digits, IPv6 in full, with or without brackets. */
function parseAddress(text = ''): IpAddress {
  if (/^[0-9A-Fa-f]{8}$/.test(text)) return addressFromBytes(Buffer.from(text, 'hex'))
  const address = parseIpAddress(text.replace(/[[\]]/g, ''))
  if (address === null) throw new Error(`${PATH}: ${JSON.stringify(text)} is not an address`)
  return address
}

function parsePort(text = ''): number {
  return Number.parseInt(text, 16)
}
