import { type AddressFamily, addressBytes, addressFromBytes, familyOf } from '../../model/address.ts'
import type { Route } from '../../model/network.ts'
import { AF_INET, AF_INET6, type Attributes, decodeAttributes, encodeBody, readU32, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/rtnetlink.h. */
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26
const RT_TABLE_MAIN = 254
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_CACHEINFO = 12
const RTA_TABLE = 15
const RTA_PREF = 20
/** Flags that a request gives (onlink and its like); the others report the state of the device. */
const REQUESTED_FLAGS = 0x2 | 0x4
/** What RouteForm holds, or what the kernel adds by itself; a route with anything else could not be put back. */
const CARRIED = new Set([RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE, RTA_CACHEINFO])
const RTMSG_BYTES = 12
const RTM_F_CLONED = 0x200

/** Strict kernels (4.20+) then send the main table alone; the others send all, and decodeRoute chooses. */
export function encodeMainTableDump(family: AddressFamily): Buffer {
  const header = zeroed(RTMSG_BYTES)
  header.writeUInt8(familyNumber(family), 0)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  return header
}

/** Returns null for what is not a plain entry (no TOS, not cached) of the main table in that family. */
export function decodeRoute(
  body: Buffer,
  family: AddressFamily,
  linkName: (index: number) => string,
): Route | null {
  const cached = (body.readUInt32LE(8) & RTM_F_CLONED) !== 0
  if (
    body.readUInt8(0) !== familyNumber(family) ||
    // One above 255 is told by RTA_TABLE, and here as RT_TABLE_COMPAT (252).
    body.readUInt8(4) !== RT_TABLE_MAIN ||
    cached ||
    body.readUInt8(3) !== 0
  )
    return null
  const attributes = decodeAttributes(body, RTMSG_BYTES)
  const destination = attributes.get(RTA_DST) ?? zeroed(family === 4 ? 4 : 16)
  const link = attributes.get(RTA_OIF)
  const gateway = attributes.get(RTA_GATEWAY)
  const source = attributes.get(RTA_PREFSRC)
  const metric = attributes.get(RTA_PRIORITY)
  return {
    destination: addressFromBytes(destination),
    prefixLength: body.readUInt8(1),
    metric: metric === undefined ? 0 : readU32(metric),
    protocol: body.readUInt8(5),
    scope: body.readUInt8(6),
    type: body.readUInt8(7),
    ...(link === undefined ? {} : { link: linkName(readU32(link)) }),
    ...(gateway === undefined ? {} : { gateway: addressFromBytes(gateway) }),
    ...(source === undefined ? {} : { source: addressFromBytes(source) }),
    ...(isComplex(body, attributes) ? { complex: true } : {}),
  }
}

function isComplex(body: Buffer, attributes: Attributes): boolean {
  if ((body.readUInt32LE(8) & REQUESTED_FLAGS) !== 0) return true
  // Every IPv6 route tells a preference; only medium, 0, is what one without it gets.
  if ((attributes.get(RTA_PREF)?.readUInt8(0) ?? 0) !== 0) return true
  // An IPv6 route that expires: rta_expires of struct rta_cacheinfo.
  if ((attributes.get(RTA_CACHEINFO)?.readInt32LE(8) ?? 0) !== 0) return true
  return [...attributes.keys()].some(type => !CARRIED.has(type) && type !== RTA_PREF)
}

/** The body of RTM_NEWROUTE and RTM_DELROUTE for the main table. */
export function encodeRoute(route: Route, linkIndex: number | undefined): Buffer {
  const header = zeroed(RTMSG_BYTES)
  header.writeUInt8(familyNumber(familyOf(route.destination)), 0)
  header.writeUInt8(route.prefixLength, 1)
  header.writeUInt8(RT_TABLE_MAIN, 4)
  header.writeUInt8(route.protocol, 5)
  header.writeUInt8(route.scope, 6)
  header.writeUInt8(route.type, 7)
  return encodeBody(
    header,
    [RTA_DST, addressBytes(route.destination)],
    [RTA_OIF, linkIndex],
    [RTA_GATEWAY, route.gateway === undefined ? undefined : addressBytes(route.gateway)],
    [RTA_PREFSRC, route.source === undefined ? undefined : addressBytes(route.source)],
    [RTA_PRIORITY, route.metric === 0 ? undefined : route.metric],
  )
}

function familyNumber(family: AddressFamily): number {
  return family === 4 ? AF_INET : AF_INET6
}
