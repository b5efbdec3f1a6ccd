import { type Attribute, encodeBody, readCString } from './wire.ts'

export const ATTRIBUTE_HEADER_BYTES = 4
/** What is left of an attribute's type without its flags (NLA_TYPE_MASK of include/uapi/linux/netlink.h). */
const NLA_TYPE_MASK = 0x3fff

/** Types above are passed over: families that have more of them are read by decodeAttributes. */
const HIGHEST_TYPE = 63

/**
 * The attributes of a message where they lie, read one by one. Unlike decodeAttributes it makes no buffer for each,
 * and is used again for the next message: in a dump of 10,000 messages with 40 attributes each, to make and to free
 * them takes longer than all the rest. A number that is not there reads 0.
 */
export class LocatedAttributes {
  #bytes: Buffer = Buffer.of()
  /** Where the value of each type starts; 0 for one that is not there. */
  readonly #starts = new Uint32Array(HIGHEST_TYPE + 1)

  /** From now on those that stand from `start` to `end`. */
  locate(bytes: Buffer, start: number, end: number): this {
    this.#bytes = bytes
    this.#starts.fill(0)
    for (let offset = start; offset + ATTRIBUTE_HEADER_BYTES <= end; ) {
      const length = bytes.readUInt16LE(offset)
      if (length < ATTRIBUTE_HEADER_BYTES || offset + length > end)
        throw new Error('a netlink attribute is longer than its message')
      // A typed array passes over what is stored beyond its end.
      this.#starts[bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK] = offset + ATTRIBUTE_HEADER_BYTES
      offset += (length + 3) & ~3
    }
    return this
  }

  has(type: number): boolean {
    return this.startOf(type) > 0
  }

  /** The attributes within an attribute, located by `inner`; none when it is not there. */
  within(type: number, inner: LocatedAttributes): LocatedAttributes {
    const start = this.startOf(type)
    return inner.locate(this.#bytes, start, start === 0 ? 0 : this.#endOf(start))
  }

  u8(type: number): number {
    const start = this.startOf(type)
    return start === 0 ? 0 : this.#bytes.readUInt8(start)
  }

  u16(type: number): number {
    const start = this.startOf(type)
    return start === 0 ? 0 : this.#bytes.readUInt16LE(start)
  }

  u16be(type: number): number {
    const start = this.startOf(type)
    return start === 0 ? 0 : this.#bytes.readUInt16BE(start)
  }

  u32(type: number): number {
    const start = this.startOf(type)
    return start === 0 ? 0 : this.#bytes.readUInt32LE(start)
  }

  /** Exact up to 2^53, above that rounded. */
  u64(type: number): number {
    const start = this.startOf(type)
    if (start === 0) return 0
    return this.#bytes.readUInt32LE(start) + this.#bytes.readUInt32LE(start + 4) * 2 ** 32
  }

  /** At most `limit` bytes of the value; none when it is not there. */
  bytes(type: number, limit: number): Buffer {
    const start = this.startOf(type)
    return this.#bytes.subarray(start, start === 0 ? 0 : Math.min(start + limit, this.#endOf(start)))
  }

  text(type: number): string {
    const start = this.startOf(type)
    return start === 0 ? '' : readCString(this.#bytes.subarray(start, this.#endOf(start)))
  }

  /** Where the value starts in the message; 0 when it is not there. */
  startOf(type: number): number {
    return this.#starts[type] ?? 0
  }

  #endOf(start: number): number {
    return start - ATTRIBUTE_HEADER_BYTES + this.#bytes.readUInt16LE(start - ATTRIBUTE_HEADER_BYTES)
  }
}

/**
 * Attributes whose lengths never change. To write them is to copy them and to fill in the values, a 32-bit word each:
 * attribute by attribute, 10,000 destinations take longer than the kernel does.
 */
export class Layout {
  /** With the values that it was made of. */
  readonly words: Uint32Array
  readonly #values = new LocatedAttributes()

  constructor(...attributes: readonly Attribute[]) {
    const bytes = encodeBody(new Uint8Array(0), ...attributes)
    this.words = Uint32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32LE(4 * index))
    this.#values.locate(bytes, 0, bytes.length)
  }

  /** In bytes. */
  get length(): number {
    return 4 * this.words.length
  }

  /** Which word the value starts with. */
  wordOf(type: number): number {
    return this.#values.startOf(type) / 4
  }
}
