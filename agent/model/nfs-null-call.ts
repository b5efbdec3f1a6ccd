/** A call of ONC RPC (RFC 5531) that every NFS server answers with nothing: procedure NULL. */

const NFS_PROGRAM = 100_003
const RPC_VERSION = 2
const CALL = 0
const REPLY = 1
const PROCEDURE_NULL = 0
/** Of the record mark: this is the last fragment. */
const LAST_FRAGMENT = 0x8000_0000
const WORD_BYTES = 4
const MARK_BYTES = WORD_BYTES

/** The call as it goes over TCP. `id` is 32 bits that come back with the answer; `version` is 3 or 4. */
export function encodeNullCall(id: number, version: 3 | 4): Buffer {
  const withoutSecret = [0, 0, 0, 0]
  const words = [id, CALL, RPC_VERSION, NFS_PROGRAM, version, PROCEDURE_NULL, ...withoutSecret]
  const message = Buffer.alloc(MARK_BYTES + words.length * WORD_BYTES)
  message.writeUInt32BE((LAST_FRAGMENT | (words.length * WORD_BYTES)) >>> 0, 0)
  words.forEach((word, index) => {
    message.writeUInt32BE(word >>> 0, MARK_BYTES + index * WORD_BYTES)
  })
  return message
}

export type NullReply =
  | { kind: 'done' }
  /** In words that follow "the server". */
  | { kind: 'refused'; why: string }
  /** These are not the bytes of an answer to that call. */
  | { kind: 'nonsense' }

/** Null while the answer is not there as a whole. */
export function parseNullReply(bytes: Buffer, id: number): NullReply | null {
  if (bytes.length < MARK_BYTES) return null
  const length = bytes.readUInt32BE(0) & ~LAST_FRAGMENT
  if (length < 3 * WORD_BYTES || length > LONGEST_REPLY_BYTES) return { kind: 'nonsense' }
  if (bytes.length < MARK_BYTES + length) return null
  const words = Array.from({ length: Math.floor(length / WORD_BYTES) }, (_, index) =>
    bytes.readUInt32BE(MARK_BYTES + index * WORD_BYTES),
  )
  const [answered, direction, denied, , secretBytes = 0] = words
  if (answered !== id >>> 0 || direction !== REPLY) return { kind: 'nonsense' }
  if (denied !== 0) return { kind: 'refused', why: 'does not let this host call it' }
  const [status, lowest, highest] = words.slice(FIXED_WORDS + Math.ceil(secretBytes / WORD_BYTES))
  if (status === 0) return { kind: 'done' }
  if (status === PROGRAM_UNAVAILABLE) return { kind: 'refused', why: 'is no NFS server' }
  if (status === VERSION_UNAVAILABLE)
    return { kind: 'refused', why: `speaks versions ${lowest} to ${highest} of NFS alone` }
  return { kind: 'nonsense' }
}

/** Far more than an answer of nothing takes; what is longer is none. */
const LONGEST_REPLY_BYTES = 1024
/** Before the status: id, direction, whether it was denied, and two words of the server's own secret. */
const FIXED_WORDS = 5
const PROGRAM_UNAVAILABLE = 1
const VERSION_UNAVAILABLE = 2
