import { type AddressFamily, addressFromBytes, familyOf } from '../../../model/address.ts'
import type {
  Destination,
  DestinationKey,
  Forwarding,
  FoundDestination,
  Tunnel,
  TunnelChecksum,
} from '../../../model/ipvs.ts'
import type { LocatedAttributes } from '../attributes.ts'
import { AF_INET, AF_INET6, type Attribute, nested, u8, u16, u16be } from '../wire.ts'
import { ADDRESS_BYTES, IPVS_CMD_ATTR_DEST, locateAnswer } from './commands.ts'
import { encodeInetAddress } from './service.ts'
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

/** What stands for the destination in a request to delete it. */
export function encodeDestinationKey(destination: DestinationKey): Attribute {
  return nested(IPVS_CMD_ATTR_DEST, ...keyAttributes(destination))
}

export function encodeDestination(destination: Destination): Attribute {
  const { forwarding } = destination
  return nested(
    IPVS_CMD_ATTR_DEST,
    ...keyAttributes(destination),
    [IPVS_DEST_ATTR_FWD_METHOD, FORWARDING_METHODS.indexOf(forwarding.method)],
    [IPVS_DEST_ATTR_WEIGHT, destination.weight],
    [IPVS_DEST_ATTR_U_THRESH, destination.upperThreshold],
    [IPVS_DEST_ATTR_L_THRESH, destination.lowerThreshold],
    // Left out they are 0: IPIP.
    ...(forwarding.method === 'tunnel' ? tunnelAttributes(forwarding.tunnel) : []),
  )
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

function keyAttributes({ address, port }: DestinationKey): Attribute[] {
  return [
    [IPVS_DEST_ATTR_ADDR, encodeInetAddress(address)],
    [IPVS_DEST_ATTR_PORT, u16be(port)],
    [IPVS_DEST_ATTR_ADDR_FAMILY, u16(familyOf(address) === 4 ? AF_INET : AF_INET6)],
  ]
}

function tunnelAttributes(tunnel: Tunnel): Attribute[] {
  return [
    [IPVS_DEST_ATTR_TUN_TYPE, u8(TUNNEL_TYPES.indexOf(tunnel.type))],
    [IPVS_DEST_ATTR_TUN_PORT, tunnel.type === 'gue' ? u16be(tunnel.port) : undefined],
    [IPVS_DEST_ATTR_TUN_FLAGS, tunnel.type === 'ipip' ? undefined : u16(CHECKSUM_FLAGS[tunnel.checksum])],
  ]
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
