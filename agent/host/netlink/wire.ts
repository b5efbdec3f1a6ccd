import { getU32, type NetlinkAttribute, parseAttributes } from 'netlink/dist/structs.js'

/**
 * Netlink messages, byte by byte. Reading goes through the codec of npm `netlink`, imported by file: its root
 * module loads every protocol it knows and costs 37 ms of start-up. Writing is done here, into one buffer per
 * message: the codec makes one per field, which for 2,000 messages takes longer than the kernel does.
 */

/** Linux's numbers of the address families, in every rtnetlink message. */
export const AF_INET = 2
export const AF_INET6 = 10

const ATTRIBUTE_HEADER_BYTES = 4
/** Says that an attribute holds attributes; strict kernels ask for it. */
const NLA_F_NESTED = 0x8000

/** A number is written as 32 bits, text with a zero behind it, attributes as they are; undefined is left out. */
export type AttributeValue = number | string | Uint8Array | undefined
export type Attribute = readonly [type: number, value: AttributeValue]
export type Attributes = Map<number, Buffer>

/** The fixed header of a message with the attributes behind it, each at a multiple of 4 bytes. */
export function encodeBody(header: Uint8Array, ...attributes: readonly Attribute[]): Buffer {
  let length = header.length
  for (const [, value] of attributes)
    if (value !== undefined) length += align(ATTRIBUTE_HEADER_BYTES + sizeOf(value))
  const body = zeroed(length)
  body.set(header)
  let offset = header.length
  for (const [type, value] of attributes)
    if (value !== undefined) offset = writeAttribute(body, offset, type, value)
  return body
}

/** From Node's pool, unlike Buffer.alloc: a block of memory for each of thousands of small buffers is slow. */
export function zeroed(bytes: number): Buffer {
  return Buffer.allocUnsafe(bytes).fill(0)
}

/** What an attribute of less than 32 bits, or in network byte order, is written as. */
export function u8(value: number): Uint8Array {
  return Uint8Array.of(value)
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8)
}

export function u16be(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

/** The number whose bytes here are those of `value` in network byte order, of 16 or 32 bits. */
export function swapped16(value: number): number {
  return (value >> 8) | ((value & 0xff) << 8)
}

export function swapped32(value: number): number {
  return ((value >>> 24) | ((value >> 8) & 0xff00) | ((value & 0xff00) << 8) | (value << 24)) >>> 0
}

export function u32be(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >> 16, value >> 8, value)
}

/** The same memory in words of 32 bits; copied, when it does not start at a multiple of 4 bytes. */
export function wordsOf(bytes: Buffer): Uint32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes)
  return new Uint32Array(buffer, byteOffset, length / 4)
}

/** The same memory in bytes. */
export function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength)
}

/** An attribute whose value is made of attributes. */
export function nested(type: number, ...attributes: readonly Attribute[]): Attribute {
  return [type | NLA_F_NESTED, encodeBody(new Uint8Array(0), ...attributes)]
}

/** The word that begins an attribute whose value is made of attributes. */
export function nestedHeader(type: number, valueBytes: number): number {
  return (ATTRIBUTE_HEADER_BYTES + valueBytes) | ((type | NLA_F_NESTED) << 16)
}

/** The attributes behind a fixed header of `headerBytes`; a repeated type keeps its last value. */
export function decodeAttributes(body: Buffer, headerBytes: number): Attributes {
  const attributes: Attributes = new Map()
  parseAttributes(body.subarray(headerBytes), ({ type, data }: NetlinkAttribute) => {
    attributes.set(type, data as Buffer)
  })
  return attributes
}

/** The values of an attribute that holds a list, in their order; none without the attribute. */
export function decodeList(list: Buffer | undefined): Buffer[] {
  const values: Buffer[] = []
  if (list !== undefined) parseAttributes(list, ({ data }: NetlinkAttribute) => values.push(data as Buffer))
  return values
}

export function readU32(data: Buffer): number {
  return getU32(data)
}

export function readCString(data: Buffer): string {
  const end = data.indexOf(0)
  return data.toString('utf8', 0, end === -1 ? data.length : end)
}

/** Messages and attributes start at multiples of 4 bytes (NLMSG_ALIGNTO, NLA_ALIGNTO). */
export function align(bytes: number): number {
  return (bytes + 3) & ~3
}

function sizeOf(value: number | string | Uint8Array): number {
  if (typeof value === 'number') return 4
  return typeof value === 'string' ? Buffer.byteLength(value) + 1 : value.length
}

/** Returns where the next attribute starts. */
function writeAttribute(
  body: Buffer,
  offset: number,
  type: number,
  value: number | string | Uint8Array,
): number {
  const length = ATTRIBUTE_HEADER_BYTES + sizeOf(value)
  const data = offset + ATTRIBUTE_HEADER_BYTES
  body.writeUInt16LE(length, offset)
  body.writeUInt16LE(type, offset + 2)
  if (typeof value === 'number') body.writeUInt32LE(value, data)
  else if (typeof value === 'string') body.write(value, data)
  else body.set(value, data)
  return offset + align(length)
}
