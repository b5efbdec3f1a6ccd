import {
  countLength,
  formatAttribute,
  getU32,
  type NetlinkAttribute,
  pad,
  parseAttributes,
  putU8,
  putU32,
} from 'netlink/dist/structs.js'

/**
 * Netlink attributes on top of the codec of npm `netlink`, which is imported by file: its root module
 * loads every protocol it knows and costs 37 ms of start-up.
 */

/** Linux's numbers of the address families, in every rtnetlink message. */
export const AF_INET = 2
export const AF_INET6 = 10

export type AttributeValue = Uint8Array | undefined
export type Attributes = Map<number, Buffer>

/** Encodes the attributes that have a value; each starts at a multiple of 4 bytes. */
export function encodeAttributes(...attributes: [type: number, value: AttributeValue][]): Uint8Array[] {
  return attributes.flatMap(([type, data]) =>
    data === undefined ? [] : pad(formatAttribute({ type, data })),
  )
}

/** An attribute that holds attributes; the NLA_F_NESTED bit is set, as strict kernels ask for. */
export function nested(type: number, attributes: Uint8Array[]): Uint8Array[] {
  return pad(formatAttribute({ type, data: attributes, nested: true }))
}

/** The attributes behind a fixed header of `headerBytes`; a repeated type keeps its last value. */
export function decodeAttributes(body: Buffer, headerBytes: number): Attributes {
  const attributes: Attributes = new Map()
  parseAttributes(body.subarray(headerBytes), ({ type, data }: NetlinkAttribute) => {
    attributes.set(type, data as Buffer)
  })
  return attributes
}

export const u8 = (value: number): Buffer => putU8(value)
export const u32 = (value: number): Buffer => putU32(value)
export const readU32 = (data: Buffer): number => getU32(data)

/** Zero-terminated text, as the kernel wants names. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

export function readCString(data: Buffer): string {
  const end = data.indexOf(0)
  return data.toString('utf8', 0, end === -1 ? data.length : end)
}

export { countLength }
