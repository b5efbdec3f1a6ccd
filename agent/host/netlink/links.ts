import type { Link, XdpMode } from '../../model/network.ts'
import { type Attributes, decodeAttributes, encodeBody, readCString, readU32, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,if_link,if_arp,if}.h. */
export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19
const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_LINK = 5
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_INFO_KIND = 1
const IFLA_EXT_MASK = 29
const IFLA_LINK_NETNSID = 37
/** Of other kinds IFLA_LINK is something else: of a veth, its peer. */
const KINDS_ABOVE_ANOTHER = new Set(['vlan', 'macvlan', 'ipvlan', 'macsec'])
const RTEXT_FILTER_SKIP_STATS = 1 << 3
const IFLA_XDP = 43
const IFLA_XDP_ATTACHED = 2
/** By XDP_ATTACHED_*: 0 is none. */
const XDP_MODES: readonly (XdpMode | undefined)[] = [undefined, 'native', 'generic', 'offload', 'multiple']
const ARPHRD_ETHER = 1
const IFF_UP = 0x1
const IFF_LOOPBACK = 0x8
const IFF_NOARP = 0x80
const IFF_LOWER_UP = 0x10000
const IFINFOMSG_BYTES = 16
/** include/linux/socket.h: what every link belongs to. */
const AF_UNSPEC = 0

export function encodeLinkDump(): Buffer {
  return encodeBody(Buffer.alloc(IFINFOMSG_BYTES), [IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS])
}

/**
 * Whether a notification is of the link as such. A bridge tells of its ports in messages of its own family: one that
 * leaves it is gone there, and stays a link (net/bridge/br_netlink.c).
 */
export function isLinkItself(body: Buffer): boolean {
  return body.readUInt8(0) === AF_UNSPEC
}

export function decodeLink(body: Buffer): Link {
  const flags = body.readUInt32LE(8)
  const attributes = decodeAttributes(body, IFINFOMSG_BYTES)
  const name = attributes.get(IFLA_IFNAME)
  const mac = attributes.get(IFLA_ADDRESS)
  const master = attributes.get(IFLA_MASTER)
  const info = attributes.get(IFLA_LINKINFO)
  const kindText = info === undefined ? undefined : decodeAttributes(info, 0).get(IFLA_INFO_KIND)
  const kind = kindText === undefined ? undefined : readCString(kindText)
  const lower = lowerLink(kind, attributes)
  const xdp = xdpMode(attributes.get(IFLA_XDP))
  return {
    index: body.readInt32LE(4),
    name: name === undefined ? '' : readCString(name),
    mac: mac === undefined ? '' : macText(mac),
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    arp: body.readUInt16LE(2) === ARPHRD_ETHER && (flags & IFF_NOARP) === 0,
    ...(kind === undefined ? {} : { kind }),
    ...(master === undefined ? {} : { master: readU32(master) }),
    ...(lower === undefined ? {} : { lower }),
    ...(xdp === undefined ? {} : { xdp }),
  }
}

function lowerLink(kind: string | undefined, attributes: Attributes): number | undefined {
  const link = attributes.get(IFLA_LINK)
  // With this one, the link is of another network namespace.
  if (link === undefined || attributes.has(IFLA_LINK_NETNSID)) return undefined
  return kind !== undefined && KINDS_ABOVE_ANOTHER.has(kind) ? readU32(link) : undefined
}

function xdpMode(xdp: Buffer | undefined): XdpMode | undefined {
  if (xdp === undefined) return undefined
  return XDP_MODES[decodeAttributes(xdp, 0).get(IFLA_XDP_ATTACHED)?.readUInt8(0) ?? 0]
}

/** As `ip` prints it. */
export function macText(mac: Uint8Array): string {
  return [...mac].map(byte => byte.toString(16).padStart(2, '0')).join(':')
}

/** The body of RTM_SETLINK that gives a link its MAC. */
export function encodeMac(linkIndex: number, mac: string): Buffer {
  const header = zeroed(IFINFOMSG_BYTES)
  header.writeInt32LE(linkIndex, 4)
  return encodeBody(header, [IFLA_ADDRESS, Buffer.from(mac.replaceAll(':', ''), 'hex')])
}
