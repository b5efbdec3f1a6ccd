import { addressBytes, addressFromBytes, familyOf, type IpAddress } from '../../model/address.ts'
import type { Neighbour } from '../../model/network.ts'
import { macText } from './links.ts'
import { AF_INET, AF_INET6, decodeAttributes, encodeBody, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,neighbour}.h. */
export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
export const RTM_GETNEIGH = 30
const NDA_DST = 1
const NDA_LLADDR = 2
const NTF_USE = 0x1
const NTF_PROXY = 0x8
const NUD_NOARP = 0x40
const NUD_PERMANENT = 0x80
const NDMSG_BYTES = 12

/** Entries of both families: those learnt, or those that this host answers for; the kernel tells one kind at a time. */
export function encodeNeighbourDump(kind: 'learnt' | 'proxy'): Buffer {
  const header = zeroed(NDMSG_BYTES)
  header.writeUInt8(kind === 'proxy' ? NTF_PROXY : 0, 10)
  return header
}

/** Returns null for an entry of another family. */
export function decodeNeighbour(body: Buffer, linkName: (index: number) => string): Neighbour | null {
  const family = body.readUInt8(0)
  const attributes = decodeAttributes(body, NDMSG_BYTES)
  const address = attributes.get(NDA_DST)
  if ((family !== AF_INET && family !== AF_INET6) || address === undefined) return null
  const linkIndex = body.readInt32LE(4)
  const mac = attributes.get(NDA_LLADDR)
  return {
    link: linkIndex === 0 ? null : linkName(linkIndex),
    address: addressFromBytes(address),
    mac: mac === undefined ? null : macText(mac),
    state: body.readUInt16LE(8),
    proxy: (body.readUInt8(10) & NTF_PROXY) !== 0,
  }
}

/** Written down by a person, or needing no resolution: the kernel never asks for its MAC. */
export function isFixed({ state }: Neighbour): boolean {
  return (state & (NUD_NOARP | NUD_PERMANENT)) !== 0
}

/** The body of RTM_DELNEIGH: the entry of one address on one link. */
export function encodeNeighbour(address: IpAddress, linkIndex: number): Buffer {
  return encodeEntry(address, linkIndex, 0)
}

/** The body of RTM_NEWNEIGH that has the kernel use the entry, as if there were a packet for the address. */
export function encodeNeighbourUse(address: IpAddress, linkIndex: number): Buffer {
  return encodeEntry(address, linkIndex, NTF_USE)
}

function encodeEntry(address: IpAddress, linkIndex: number, flags: number): Buffer {
  const header = zeroed(NDMSG_BYTES)
  header.writeUInt8(familyOf(address) === 4 ? AF_INET : AF_INET6, 0)
  header.writeInt32LE(linkIndex, 4)
  header.writeUInt8(flags, 10)
  return encodeBody(header, [NDA_DST, addressBytes(address)])
}
