import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An IPv4 or IPv6 address in canonical text (RFC 5952 for IPv6), as the kernel and `ip` print it. */
export type IpAddress = string & { readonly brand: 'IpAddress' }

export type AddressFamily = 4 | 6

/** The address that the text means, or null when it means none. Zones (`fe80::1%eth0`) are not taken. */
export function parseIpAddress(text: string): IpAddress | null {
  if (isIPv4(text)) return text as IpAddress
  if (isIPv6(text) && !text.includes('%')) return canonicalIpv6(ipaddr.IPv6.parse(text))
  return null
}

export interface IpNetwork {
  /** As written; host bits may be set. */
  address: IpAddress
  prefixLength: number
}

/** An address (`10.1.2.3`, alone) or a network (`10.0.0.0/8`); null when the text is neither. */
export function parseNetwork(text: string): IpNetwork | null {
  const [first = '', length, ...rest] = text.split('/')
  const address = parseIpAddress(first)
  if (address === null || rest.length > 0) return null
  if (length === undefined) return { address, prefixLength: hostPrefixLength(address) }
  const prefixLength = /^(0|[1-9][0-9]{0,2})$/.test(length) ? Number(length) : Number.NaN
  return prefixLength <= hostPrefixLength(address) ? { address, prefixLength } : null
}

/** By the first dot, which only an IPv4 address has so early: a search for a colon takes five times as long. */
export function familyOf(address: IpAddress): AddressFamily {
  const isIpv4 =
    address.charCodeAt(1) === DOT || address.charCodeAt(2) === DOT || address.charCodeAt(3) === DOT
  return isIpv4 ? 4 : 6
}

const DOT = '.'.charCodeAt(0)

/** 32 for IPv4, 128 for IPv6: the prefix that covers one address alone. */
export function hostPrefixLength(address: IpAddress): 32 | 128 {
  return familyOf(address) === 4 ? 32 : 128
}

/** `10.10.10.100:80`, `[2001:db8::100]:80`; as in a URL, also without a port (RFC 3986, 3.2.2). */
export function withPort(address: IpAddress, port: number | string | null): string {
  const host = familyOf(address) === 6 ? `[${address}]` : address
  return port === null ? host : `${host}:${port}`
}

/** Network byte order: 4 bytes for IPv4, 16 for IPv6. */
export function addressBytes(address: IpAddress): Uint8Array {
  if (familyOf(address) === 6) return Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray())
  const number = ipv4Number(address)
  return Uint8Array.of(number >>> 24, number >> 16, number >> 8, number)
}

/** The address as a number, its first byte the highest. By hand: this runs for each of thousands of addresses. */
export function ipv4Number(address: IpAddress): number {
  let number = 0
  let byte = 0
  for (let index = 0; index < address.length; index++) {
    const digit = address.charCodeAt(index) - ZERO
    if (digit >= 0) byte = byte * 10 + digit
    else {
      number = (number << 8) | byte
      byte = 0
    }
  }
  return ((number << 8) | byte) >>> 0
}

const ZERO = '0'.charCodeAt(0)

/** Takes 4 or 16 bytes in network byte order. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join('.') as IpAddress
  return canonicalIpv6(new ipaddr.IPv6([...bytes]))
}

export function isInSubnet(address: IpAddress, network: IpAddress, prefixLength: number): boolean {
  if (familyOf(address) !== familyOf(network)) return false
  const left = addressBytes(address)
  const right = addressBytes(network)
  return left.every((byte, index) => ((byte ^ (right[index] ?? 0)) & maskByte(prefixLength, index)) === 0)
}

/** The address of the subnet itself, all host bits 0. */
export function firstAddress(address: IpAddress, prefixLength: number): IpAddress {
  return addressFromBytes(addressBytes(address).map((byte, index) => byte & maskByte(prefixLength, index)))
}

/** The broadcast address of an IPv4 subnet, all host bits 1. */
export function lastAddress(address: IpAddress, prefixLength: number): IpAddress {
  return addressFromBytes(
    addressBytes(address).map((byte, index) => byte | (0xff & ~maskByte(prefixLength, index))),
  )
}

function maskByte(prefixLength: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - 8 * index))
  return (0xff << (8 - bits)) & 0xff
}

/** Why an address cannot be a VIP, in words that follow "not", or null when it can. */
export function whyNotVip(address: IpAddress): string | null {
  if (familyOf(address) === 4 && address.startsWith('0.')) return 'one of "this network" (0.0.0.0/8)'
  const range = ipaddr.parse(address).range()
  // ipaddr.js counts RFC 5737's documentation networks as reserved: manuals and labs use them.
  if (range === 'reserved' && isDocumentation(address)) return null
  return UNUSABLE_RANGES.get(range) ?? null
}

/** Why an address cannot be a real server's (RIP), in words that follow "not", or null when it can: this host's own may. */
export function whyNotRealServer(address: IpAddress): string | null {
  const range = ipaddr.parse(address).range()
  return range === 'loopback' || (range === 'linkLocal' && familyOf(address) === 4)
    ? null
    : whyNotVip(address)
}

const UNUSABLE_RANGES = new Map<string, string>([
  ['unspecified', 'the unspecified address'],
  ['loopback', 'a loopback address'],
  ['multicast', 'a multicast address'],
  ['broadcast', 'the broadcast address'],
  ['linkLocal', 'a link-local address'],
  ['reserved', 'a reserved address'],
  ['ipv4Mapped', 'an IPv4-mapped IPv6 address'],
])

function isDocumentation(address: IpAddress): boolean {
  return /^(192\.0\.2|198\.51\.100|203\.0\.113)\.|^2001:db8:/.test(address)
}

function canonicalIpv6(address: ipaddr.IPv6): IpAddress {
  return address.toRFC5952String() as IpAddress
}
