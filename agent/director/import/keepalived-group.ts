import {
  type AddressFamily,
  addressBytes,
  addressFromBytes,
  familyOf,
  firstAddress,
  hostPrefixLength,
  type IpAddress,
  lastAddress,
  parseIpAddress,
} from '../../model/address.ts'
import { type Findings, type Place, refuse } from './imported.ts'
import type { Statement } from './keepalived-blocks.ts'
import { parseNumber } from './numbers.ts'

/** Addresses and firewall marks that a virtual_server_group gives to one virtual server (alloc_vsg_entry). */
export interface Group {
  name: string
  entries: GroupEntry[]
}

export type GroupEntry =
  | { kind: 'address'; at: Place; address: IpAddress; port: number }
  | { kind: 'firewallMark'; at: Place; mark: number; family: AddressFamily | null }

/** A table of more services is nobody's wish. */
const MAX_RANGE = 4096

export function readGroup({ words, block, at }: Statement, findings: Findings): Group | null {
  const entries = (block ?? []).flatMap(statement => readEntry(statement, findings))
  const [, name] = words
  if (name === undefined || entries.length === 0) {
    refuse(findings, at, `virtual_server_group ${name ?? 'without a name'} has no entry`)
    return null
  }
  return { name, entries }
}

function readEntry({ words, at }: Statement, findings: Findings): GroupEntry[] {
  const [first = '', second, third] = words
  if (first === 'fwmark') {
    const mark = parseNumber(second ?? '', 1, 0xffff_ffff)
    const family = third === undefined ? null : FAMILIES[third]
    if (mark !== null && family !== undefined) return [{ kind: 'firewallMark', at, mark, family }]
    refuse(findings, at, `${words.join(' ')}: fwmark NUMBER [inet|inet6] is expected`)
    return []
  }
  const port = parseNumber(second ?? '0', 0, 65_535)
  const addresses = rangeOf(first)
  if (port === null || typeof addresses === 'string') {
    const why = typeof addresses === 'string' ? addresses : `${JSON.stringify(second)} is no port`
    refuse(findings, at, `${words.join(' ')}: ${why}`)
    return []
  }
  return addresses.map(address => ({ kind: 'address', at, address, port }))
}

export const FAMILIES: Partial<Record<string, AddressFamily>> = { inet: 4, inet6: 6 }

/** `10.0.0.1`, `10.0.0.1-20`, `10.0.0.1-10.0.0.20`, `10.0.0.0/28`, `2001:db8::1-2f`; or why it is none. */
function rangeOf(text: string): IpAddress[] | string {
  const [, start = '', separator, end = ''] = /^([^-/]+)(?:([-/])(.+))?$/.exec(text) ?? []
  const from = parseIpAddress(start)
  if (from === null) return `${JSON.stringify(start)} is no address`
  if (separator === undefined) return [from]
  if (separator === '/') {
    const length = parseNumber(end, 1, hostPrefixLength(from))
    if (length === null) return `${JSON.stringify(end)} is no prefix length`
    if (firstAddress(from, length) !== from) return `${from} is not the first address of /${length}`
    return between(from, lastOf(from, length))
  }
  const to = parseIpAddress(end) ?? withLastPart(from, end)
  if (to === null || familyOf(to) !== familyOf(from)) return `${JSON.stringify(end)} is no end of a range`
  return between(from, to)
}

/** The end of a range is the last byte in decimal, for IPv6 the last 16 bits in hexadecimal. */
function withLastPart(address: IpAddress, text: string): IpAddress | null {
  const isIpv6 = familyOf(address) === 6
  const part = isIpv6 ? parseHexadecimal(text) : parseNumber(text, 0, 0xff)
  if (part === null) return null
  const bytes = Buffer.from(addressBytes(address))
  if (isIpv6) bytes.writeUInt16BE(part, 14)
  else bytes.writeUInt8(part, 3)
  return addressFromBytes(bytes)
}

function parseHexadecimal(text: string): number | null {
  return /^[0-9A-Fa-f]{1,4}$/.test(text) ? Number.parseInt(text, 16) : null
}

function lastOf(address: IpAddress, length: number): IpAddress {
  if (familyOf(address) === 4) return lastAddress(address, length)
  const bytes = addressBytes(address)
  return addressFromBytes(
    bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, length - 8 * index)))),
  )
}

function between(from: IpAddress, to: IpAddress): IpAddress[] | string {
  const [first, last] = [numberOf(from), numberOf(to)]
  if (last < first) return `the range ends at ${to}, before it starts`
  if (last - first >= BigInt(MAX_RANGE)) return `the range has more than ${MAX_RANGE} addresses`
  return Array.from({ length: Number(last - first) + 1 }, (_, index) =>
    addressOf(first + BigInt(index), addressBytes(from).length),
  )
}

function numberOf(address: IpAddress): bigint {
  return addressBytes(address).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}

function addressOf(number: bigint, length: number): IpAddress {
  return addressFromBytes(
    Uint8Array.from({ length }, (_, index) => Number((number >> BigInt(8 * (length - 1 - index))) & 0xffn)),
  )
}
