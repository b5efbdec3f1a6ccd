import { type AddressFamily, addressFromBytes } from '../../../model/address.ts'
import type {
  Destination,
  DestinationKey,
  Forwarding,
  FoundDestination,
  ServiceKey,
  Tunnel,
  TunnelChecksum,
} from '../../../model/ipvs.ts'
import { Layout, LocatedAttributes } from '../attributes.ts'
import type { NetlinkBody } from '../connection.ts'
import { AF_INET, nestedHeader, swapped16, u8, u16, u16be } from '../wire.ts'
import { ADDRESS_BYTES, IPVS_CMD_ATTR_DEST, locateAnswer, writeInetAddress } from './commands.ts'
import { encodeServiceKey } from './service.ts'
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

/** All values of a destination, 0. */
const LAYOUT = new Layout(
  [IPVS_DEST_ATTR_ADDR, new Uint8Array(ADDRESS_BYTES)],
  [IPVS_DEST_ATTR_PORT, u16be(0)],
  [IPVS_DEST_ATTR_ADDR_FAMILY, u16(0)],
  [IPVS_DEST_ATTR_FWD_METHOD, 0],
  [IPVS_DEST_ATTR_WEIGHT, 0],
  [IPVS_DEST_ATTR_U_THRESH, 0],
  [IPVS_DEST_ATTR_L_THRESH, 0],
  // Kernels before 5.3 do not know them, and pass them over.
  [IPVS_DEST_ATTR_TUN_TYPE, u8(0)],
  [IPVS_DEST_ATTR_TUN_PORT, u16be(0)],
  [IPVS_DEST_ATTR_TUN_FLAGS, u16(0)],
)
/** Which words of it they are. */
const AT = {
  address: LAYOUT.wordOf(IPVS_DEST_ATTR_ADDR),
  port: LAYOUT.wordOf(IPVS_DEST_ATTR_PORT),
  family: LAYOUT.wordOf(IPVS_DEST_ATTR_ADDR_FAMILY),
  method: LAYOUT.wordOf(IPVS_DEST_ATTR_FWD_METHOD),
  weight: LAYOUT.wordOf(IPVS_DEST_ATTR_WEIGHT),
  upperThreshold: LAYOUT.wordOf(IPVS_DEST_ATTR_U_THRESH),
  lowerThreshold: LAYOUT.wordOf(IPVS_DEST_ATTR_L_THRESH),
  tunnelType: LAYOUT.wordOf(IPVS_DEST_ATTR_TUN_TYPE),
  tunnelPort: LAYOUT.wordOf(IPVS_DEST_ATTR_TUN_PORT),
  tunnelFlags: LAYOUT.wordOf(IPVS_DEST_ATTR_TUN_FLAGS),
}

/** A request that lacks no more than the values of its destination. */
export function destinationForm(command: Uint32Array, key: ServiceKey): Uint32Array {
  const form = encodeServiceKey(command, key, 1 + LAYOUT.words.length)
  const values = form.length - LAYOUT.words.length
  form[values - 1] = nestedHeader(IPVS_CMD_ATTR_DEST, LAYOUT.length)
  form.set(LAYOUT.words, values)
  return form
}

/** The form, filled in; a request to delete passes over what is beside the key. */
export class DestinationRequest implements NetlinkBody {
  readonly length: number
  readonly form: Uint32Array
  readonly destination: Destination | DestinationKey

  constructor(form: Uint32Array, destination: Destination | DestinationKey) {
    this.length = 4 * form.length
    this.form = form
    this.destination = destination
  }

  writeTo(messages: Uint32Array, start: number): void {
    const { form, destination } = this
    messages.set(form, start)
    const values = start + form.length - LAYOUT.words.length
    messages[values + AT.family] = writeInetAddress(messages, values + AT.address, destination.address)
    messages[values + AT.port] = swapped16(destination.port)
    if ('forwarding' in destination) writeSettings(messages, values, destination)
  }
}

const located = new LocatedAttributes()
const stats = new LocatedAttributes()

/** `family` is the service's: kernels before 3.18 tell none of the destination, because there it is the same. */
export function decodeDestination(body: Buffer, family: AddressFamily): FoundDestination {
  const attributes = locateAnswer(body).within(IPVS_CMD_ATTR_DEST, located)
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
    traffic: decodeTraffic(attributes.within(IPVS_DEST_ATTR_STATS64, stats)),
  }
}

function writeSettings(messages: Uint32Array, values: number, destination: Destination): void {
  const { forwarding } = destination
  messages[values + AT.method] = FORWARDING_METHODS.indexOf(forwarding.method)
  messages[values + AT.weight] = destination.weight
  messages[values + AT.upperThreshold] = destination.upperThreshold
  messages[values + AT.lowerThreshold] = destination.lowerThreshold
  if (forwarding.method !== 'tunnel') return
  const { tunnel } = forwarding
  messages[values + AT.tunnelType] = TUNNEL_TYPES.indexOf(tunnel.type)
  if (tunnel.type === 'gue') messages[values + AT.tunnelPort] = swapped16(tunnel.port)
  if (tunnel.type !== 'ipip') messages[values + AT.tunnelFlags] = CHECKSUM_FLAGS[tunnel.checksum]
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
