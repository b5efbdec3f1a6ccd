import {
  addressBytes,
  addressFromBytes,
  familyOf,
  hostPrefixLength,
  type IpAddress,
} from '../../model/address.ts'
import type { RouteAnswer, RouteQuery } from '../../model/network.ts'
import type { NetlinkConnection } from './connection.ts'
import { NetlinkRejection } from './rejection.ts'
import { RTM_GETROUTE } from './routes.ts'
import {
  AF_INET,
  AF_INET6,
  type Attributes,
  decodeAttributes,
  encodeBody,
  readU32,
  u16be,
  zeroed,
} from './wire.ts'

/** Numbers of include/uapi/linux/rtnetlink.h. */
const RTA_DST = 1
const RTA_SRC = 2
const RTA_IIF = 3
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PREFSRC = 7
const RTA_TABLE = 15
const RTA_VIA = 18
const RTA_IP_PROTO = 27
const RTA_SPORT = 28
const RTA_DPORT = 29
const IPPROTO_TCP = 6
const RTMSG_BYTES = 12
/** Without it IPv4 answers "main", whichever table has the route. IPv6 refuses it, and tells the table as it is. */
const RTM_F_LOOKUP_TABLE = 0x1000
/** Where struct rtvia has the address. */
const VIA_ADDRESS_OFFSET = 2

/** Asks for the way of one packet. */
export async function lookUpRoute(
  connection: NetlinkConnection,
  query: RouteQuery,
  linkName: (index: number) => Promise<string>,
): Promise<RouteAnswer> {
  try {
    return await decodeAnswer(query, await connection.query(RTM_GETROUTE, encodeQuery(query)), linkName)
  } catch (error) {
    if (error instanceof NetlinkRejection)
      return { kind: 'refused', code: error.code, message: error.message }
    throw error
  }
}

function encodeQuery({ destination, source, arrivingOn, leavingBy, ports }: RouteQuery): Buffer {
  const isIpv4 = familyOf(destination) === 4
  // The kernel would refuse it as it refuses a martian.
  if (source !== undefined && familyOf(source) !== familyOf(destination))
    throw new Error(`no packet goes from ${source} to ${destination}`)
  const header = zeroed(RTMSG_BYTES)
  header.writeUInt8(isIpv4 ? AF_INET : AF_INET6, 0)
  header.writeUInt8(hostPrefixLength(destination), 1)
  header.writeUInt8(source === undefined ? 0 : hostPrefixLength(source), 2)
  header.writeUInt32LE(isIpv4 ? RTM_F_LOOKUP_TABLE : 0, 8)
  return encodeBody(
    header,
    [RTA_DST, addressBytes(destination)],
    [RTA_SRC, source === undefined ? undefined : addressBytes(source)],
    [RTA_IIF, arrivingOn],
    [RTA_OIF, leavingBy],
    [RTA_IP_PROTO, ports === undefined ? undefined : Uint8Array.of(IPPROTO_TCP)],
    [RTA_SPORT, ports === undefined ? undefined : u16be(ports.source)],
    [RTA_DPORT, ports === undefined ? undefined : u16be(ports.destination)],
  )
}

async function decodeAnswer(
  query: RouteQuery,
  body: Buffer,
  linkName: (index: number) => Promise<string>,
): Promise<RouteAnswer> {
  const attributes = decodeAttributes(body, RTMSG_BYTES)
  const table = attributes.get(RTA_TABLE)
  const link = attributes.get(RTA_OIF)
  // IPv4 tells a source only if the question named none; IPv6 tells the one it would choose, even if it may not.
  const chosen = attributes.get(RTA_PREFSRC)
  return {
    kind: 'route',
    type: body.readUInt8(7),
    table: table === undefined ? body.readUInt8(4) : readU32(table),
    link: link === undefined ? null : await linkName(readU32(link)),
    gateway: gatewayIn(attributes),
    source: query.source ?? (chosen === undefined ? null : addressFromBytes(chosen)),
  }
}

function gatewayIn(attributes: Attributes): IpAddress | null {
  const gateway = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(VIA_ADDRESS_OFFSET)
  return gateway === undefined ? null : addressFromBytes(gateway)
}
