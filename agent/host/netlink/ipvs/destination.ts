import { type AddressFamily, addressFromBytes } from '../../../model/address.ts'
import type {
  Destination,
  DestinationKey,
  Forwarding,
  FoundDestination,
  Tunnel,
  TunnelChecksum,
} from '../../../model/ipvs.ts'
import { ATTRIBUTE_HEADER_BYTES, Layout, type LocatedAttributes } from '../attributes.ts'
import type { NetlinkBody } from '../connection.ts'
import { AF_INET, nestedHeader, swapped16, u8, u16, u16be } from '../wire.ts'
import { ADDRESS_BYTES, IPVS_CMD_ATTR_DEST, locateAnswer, writeInetAddress } from './commands.ts'
import { decodeTraffic } from './traffic.ts'

/** Numbers of include/uapi/linux/ip_vs.h (IPVS_DEST_ATTR_*, IP_VS_CONN_F_*, IP_VS_TUNNEL_ENCAP_FLAG_*). */
const IPVS_DEST_ATTR_ADDR = 1
const IPVS_DEST_ATTR_PORT = 2
const IPVS_DEST_ATTR_FWD_METHOD = 3
const IPVS_DEST_ATTR_WEIGHT = 4
const IPVS_DEST_ATTR_U_THRESH = 5
const IPVS_DEST_ATTR_L_THRESH = 6
const IPVS_DEST_ATTR_ACTIVE_CONNS = 7
const IPVS_DEST_ATTR_INACT_CONNS = 8
const IPVS_DEST_ATTR_PERSIST_CONNS = 9
const IPVS_DEST_ATTR_ADDR_FAMILY = 11
const IPVS_DEST_ATTR_STATS64 = 12
const IPVS_DEST_ATTR_TUN_TYPE = 13
const IPVS_DEST_ATTR_TUN_PORT = 14
const IPVS_DEST_ATTR_TUN_FLAGS = 15
const FORWARDING_METHODS = ['masquerade', 'local', 'tunnel', 'direct-route', 'bypass'] as const
const TUNNEL_TYPES = ['ipip', 'gue', 'gre'] as const
const IP_VS_TUNNEL_ENCAP_FLAG_CSUM = 0x1
const IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM = 0x2
const CHECKSUM_FLAGS: Record<TunnelChecksum, number> = {
  none: 0,
  full: IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
  remote: IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
}

/** All values of a destination, 0: its key, and behind it what a request to make or change it tells. */
const KEY = new Layout(
  [IPVS_DEST_ATTR_ADDR, new Uint8Array(ADDRESS_BYTES)],
  [IPVS_DEST_ATTR_PORT, u16be(0)],
  [IPVS_DEST_ATTR_ADDR_FAMILY, u16(0)],
)
const SETTINGS = new Layout(
  [IPVS_DEST_ATTR_FWD_METHOD, 0],
  [IPVS_DEST_ATTR_WEIGHT, 0],
  [IPVS_DEST_ATTR_U_THRESH, 0],
  [IPVS_DEST_ATTR_L_THRESH, 0],
  // Kernels before 5.3 do not know them, and pass them over.
  [IPVS_DEST_ATTR_TUN_TYPE, u8(0)],
  [IPVS_DEST_ATTR_TUN_PORT, u16be(0)],
  [IPVS_DEST_ATTR_TUN_FLAGS, u16(0)],
)
/** Which words of them they are. */
const AT = {
  address: KEY.wordOf(IPVS_DEST_ATTR_ADDR),
  port: KEY.wordOf(IPVS_DEST_ATTR_PORT),
  family: KEY.wordOf(IPVS_DEST_ATTR_ADDR_FAMILY),
  method: SETTINGS.wordOf(IPVS_DEST_ATTR_FWD_METHOD),
  weight: SETTINGS.wordOf(IPVS_DEST_ATTR_WEIGHT),
  upperThreshold: SETTINGS.wordOf(IPVS_DEST_ATTR_U_THRESH),
  lowerThreshold: SETTINGS.wordOf(IPVS_DEST_ATTR_L_THRESH),
  tunnelType: SETTINGS.wordOf(IPVS_DEST_ATTR_TUN_TYPE),
  tunnelPort: SETTINGS.wordOf(IPVS_DEST_ATTR_TUN_PORT),
  tunnelFlags: SETTINGS.wordOf(IPVS_DEST_ATTR_TUN_FLAGS),
}

/** `beginning` (a command and its service) with the destination behind it. */
export function encodeDestination(beginning: Uint32Array, destination: Destination): NetlinkBody {
  return {
    length: 4 * beginning.length + ATTRIBUTE_HEADER_BYTES + KEY.length + SETTINGS.length,
    writeTo(messages, start) {
      const header = start + beginning.length
      messages.set(beginning, start)
      messages[header] = nestedHeader(IPVS_CMD_ATTR_DEST, KEY.length + SETTINGS.length)
      writeKey(messages, header + 1, destination)
      writeSettings(messages, header + 1 + KEY.words.length, destination)
    },
  }
}

/** The same for a request that needs no more of the destination than which it is. */
export function encodeDestinationKey(beginning: Uint32Array, key: DestinationKey): NetlinkBody {
  return {
    length: 4 * beginning.length + ATTRIBUTE_HEADER_BYTES + KEY.length,
    writeTo(messages, start) {
      const header = start + beginning.length
      messages.set(beginning, start)
      messages[header] = nestedHeader(IPVS_CMD_ATTR_DEST, KEY.length)
      writeKey(messages, header + 1, key)
    },
  }
}

/** `family` is the service's: kernels before 3.18 tell none of the destination, because there it is the same. */
export function decodeDestination(body: Buffer, family: AddressFamily): FoundDestination {
  const attributes = locateAnswer(body).within(IPVS_CMD_ATTR_DEST)
  const told = attributes.u16(IPVS_DEST_ATTR_ADDR_FAMILY)
  const isIpv4 = told === 0 ? family === 4 : told === AF_INET
  return {
    address: addressFromBytes(attributes.bytes(IPVS_DEST_ATTR_ADDR, isIpv4 ? 4 : ADDRESS_BYTES)),
    port: attributes.u16be(IPVS_DEST_ATTR_PORT),
    forwarding: decodeForwarding(attributes),
    weight: attributes.u32(IPVS_DEST_ATTR_WEIGHT),
    upperThreshold: attributes.u32(IPVS_DEST_ATTR_U_THRESH),
    lowerThreshold: attributes.u32(IPVS_DEST_ATTR_L_THRESH),
    activeConnections: attributes.u32(IPVS_DEST_ATTR_ACTIVE_CONNS),
    inactiveConnections: attributes.u32(IPVS_DEST_ATTR_INACT_CONNS),
    persistentConnections: attributes.u32(IPVS_DEST_ATTR_PERSIST_CONNS),
    traffic: decodeTraffic(attributes.within(IPVS_DEST_ATTR_STATS64)),
  }
}

function writeKey(messages: Uint32Array, start: number, { address, port }: DestinationKey): void {
  messages.set(KEY.words, start)
  messages[start + AT.family] = writeInetAddress(messages, start + AT.address, address)
  messages[start + AT.port] = swapped16(port)
}

function writeSettings(messages: Uint32Array, start: number, destination: Destination): void {
  const { forwarding } = destination
  messages.set(SETTINGS.words, start)
  messages[start + AT.method] = FORWARDING_METHODS.indexOf(forwarding.method)
  messages[start + AT.weight] = destination.weight
  messages[start + AT.upperThreshold] = destination.upperThreshold
  messages[start + AT.lowerThreshold] = destination.lowerThreshold
  if (forwarding.method !== 'tunnel') return
  const { tunnel } = forwarding
  messages[start + AT.tunnelType] = TUNNEL_TYPES.indexOf(tunnel.type)
  if (tunnel.type === 'gue') messages[start + AT.tunnelPort] = swapped16(tunnel.port)
  if (tunnel.type !== 'ipip') messages[start + AT.tunnelFlags] = CHECKSUM_FLAGS[tunnel.checksum]
}

function decodeForwarding(attributes: LocatedAttributes): Forwarding {
  const method = FORWARDING_METHODS[attributes.u32(IPVS_DEST_ATTR_FWD_METHOD)] ?? 'masquerade'
  return method === 'tunnel' ? { method, tunnel: decodeTunnel(attributes) } : { method }
}

function decodeTunnel(attributes: LocatedAttributes): Tunnel {
  const type = TUNNEL_TYPES[attributes.u8(IPVS_DEST_ATTR_TUN_TYPE)]
  if (type === 'gue')
    return { type, port: attributes.u16be(IPVS_DEST_ATTR_TUN_PORT), checksum: decodeChecksum(attributes) }
  if (type === 'gre') return { type, checksum: decodeChecksum(attributes) }
  return { type: 'ipip' }
}

/** With both flags the kernel looks at the first (net/netfilter/ipvs/ip_vs_xmit.c). */
function decodeChecksum(attributes: LocatedAttributes): TunnelChecksum {
  const flags = attributes.u16(IPVS_DEST_ATTR_TUN_FLAGS)
  if ((flags & IP_VS_TUNNEL_ENCAP_FLAG_CSUM) !== 0) return 'full'
  return (flags & IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM) === 0 ? 'none' : 'remote'
}
