import { addressBytes, addressFromBytes, familyOf } from '../../model/address.ts'
import type { InterfaceAddress } from '../../model/network.ts'
import { AF_INET, AF_INET6, decodeAttributes, encodeBody, readCString, readU32, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,if_addr}.h. */
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_LABEL = 3
const IFA_BROADCAST = 4
const IFA_CACHEINFO = 6
const IFA_FLAGS = 8
const IFA_RT_PRIORITY = 9
const IFA_F_SECONDARY = 0x1
const IFA_F_NODAD = 0x2
const IFA_F_DADFAILED = 0x8
const IFA_F_HOMEADDRESS = 0x10
/** Not set as such: what it is called when the preferred lifetime is 0. */
const IFA_F_DEPRECATED = 0x20
const IFA_F_TENTATIVE = 0x40
const IFA_F_PERMANENT = 0x80
const IFA_F_MANAGETEMPADDR = 0x100
const IFA_F_NOPREFIXROUTE = 0x200
const IFA_F_MCAUTOJOIN = 0x400
/** The flags that a request can set; the others are states that the kernel reports. */
const SETTABLE_FLAGS =
  IFA_F_NODAD |
  IFA_F_HOMEADDRESS |
  IFA_F_DEPRECATED |
  IFA_F_MANAGETEMPADDR |
  IFA_F_NOPREFIXROUTE |
  IFA_F_MCAUTOJOIN
const IFADDRMSG_BYTES = 8

export function encodeAddressDump(): Buffer {
  return zeroed(IFADDRMSG_BYTES)
}

export function linkIndexOf(body: Buffer): number {
  return body.readUInt32LE(4)
}

/** Returns null for an address that is not IPv4 or IPv6. */
export function decodeAddress(body: Buffer, linkName: (index: number) => string): InterfaceAddress | null {
  const family = body.readUInt8(0)
  if (family !== AF_INET && family !== AF_INET6) return null
  const attributes = decodeAttributes(body, IFADDRMSG_BYTES)
  // On a point-to-point address IFA_LOCAL is this end and IFA_ADDRESS the other; elsewhere both are alike.
  const far = attributes.get(IFA_ADDRESS)
  const local = attributes.get(IFA_LOCAL) ?? far
  if (local === undefined) return null
  const label = attributes.get(IFA_LABEL)
  const broadcast = attributes.get(IFA_BROADCAST)
  const metric = attributes.get(IFA_RT_PRIORITY)
  const wideFlags = attributes.get(IFA_FLAGS)
  const flags = wideFlags === undefined ? body.readUInt8(2) : readU32(wideFlags)
  return {
    link: linkName(linkIndexOf(body)),
    address: addressFromBytes(local),
    prefixLength: body.readUInt8(1),
    scope: body.readUInt8(3),
    flags: flags & SETTABLE_FLAGS,
    // IPv6 uses the same bit for temporary addresses, which depend on no other.
    secondary: family === AF_INET && (flags & IFA_F_SECONDARY) !== 0,
    ...(label === undefined ? {} : { label: readCString(label) }),
    ...(broadcast === undefined ? {} : { broadcast: addressFromBytes(broadcast) }),
    ...(far === undefined || far.equals(local) ? {} : { peer: addressFromBytes(far) }),
    ...(metric === undefined ? {} : { metric: readU32(metric) }),
    ...((flags & IFA_F_TENTATIVE) === 0 ? {} : { tentative: true }),
    ...((flags & IFA_F_DADFAILED) === 0 ? {} : { duplicate: true }),
    ...((flags & IFA_F_PERMANENT) === 0 ? { leased: true } : {}),
  }
}

/** The body of RTM_NEWADDR and RTM_DELADDR. */
export function encodeAddress(address: Omit<InterfaceAddress, 'secondary'>, linkIndex: number): Buffer {
  const header = zeroed(IFADDRMSG_BYTES)
  header.writeUInt8(familyOf(address.address) === 4 ? AF_INET : AF_INET6, 0)
  header.writeUInt8(address.prefixLength, 1)
  header.writeUInt8(address.scope, 3)
  header.writeUInt32LE(linkIndex, 4)
  const local = addressBytes(address.address)
  return encodeBody(
    header,
    [IFA_LOCAL, local],
    [IFA_ADDRESS, address.peer === undefined ? local : addressBytes(address.peer)],
    [IFA_LABEL, address.label],
    [IFA_BROADCAST, address.broadcast === undefined ? undefined : addressBytes(address.broadcast)],
    [IFA_RT_PRIORITY, address.metric],
    [IFA_FLAGS, address.flags & ~IFA_F_DEPRECATED],
    [IFA_CACHEINFO, (address.flags & IFA_F_DEPRECATED) === 0 ? undefined : deprecatedForEver()],
  )
}

/** struct ifa_cacheinfo: preferred for 0 s, valid for ever. */
function deprecatedForEver(): Buffer {
  const lifetimes = zeroed(16)
  lifetimes.writeUInt32LE(0xffff_ffff, 4)
  return lifetimes
}
