import { excerpt, type Framing, type Verdict, wrong } from './http-verdict.ts'

/** Enough of a page to find a word in. */
const LIMIT_BYTES = 1024 * 1024
/** With what follows the number (RFC 9112, 7.1.1); nobody writes much there. */
const CHUNK_HEAD_LIMIT_BYTES = 256
const LINE_FEED = 0x0a

/** Looks for a text in a body as it arrives, also where the text lies across two pieces. */
export class BodySearch {
  readonly #text: Buffer
  readonly #framing: Framing
  /** The end of what was searched, in which the text may begin. */
  #tail: Buffer = Buffer.alloc(0)
  #start = ''
  #searchedBytes = 0
  /** Of the body or the chunk. */
  #leftBytes: number
  /** What arrived of the line between two chunks. */
  #line = ''
  #isBehindChunk = false

  constructor(text: Buffer, framing: Framing) {
    this.#text = text
    this.#framing = framing
    this.#leftBytes = framing === 'closed' ? Number.POSITIVE_INFINITY : framing === 'chunked' ? 0 : framing
  }

  /** Null while more is needed. */
  take(bytes: Buffer): Verdict | null {
    let at = 0
    for (;;) {
      const piece = bytes.subarray(at, at + this.#leftBytes)
      at += piece.length
      this.#leftBytes -= piece.length
      if (this.#isIn(piece)) return { kind: 'right' }
      if (this.#searchedBytes > LIMIT_BYTES)
        return this.#isMissing(`the first ${LIMIT_BYTES} bytes of its body`)
      if (this.#leftBytes > 0) return null
      if (this.#framing !== 'chunked') return this.#isMissing('its body')
      if (at === bytes.length) return null
      const end = bytes.indexOf(LINE_FEED, at)
      this.#line += bytes.toString('latin1', at, end < 0 ? undefined : end)
      if (this.#line.length > CHUNK_HEAD_LIMIT_BYTES) return wrong('a chunk of its body has no length')
      if (end < 0) return null
      at = end + 1
      const verdict = this.#beginChunk()
      if (verdict !== null) return verdict
    }
  }

  end(): Verdict {
    return this.#framing === 'closed'
      ? this.#isMissing('its body')
      : wrong('it closes the connection within the body of its answer')
  }

  #isIn(piece: Buffer): boolean {
    if (piece.length === 0) return false
    if (this.#start.length < EXCERPT_BYTES) this.#start += piece.toString('latin1', 0, EXCERPT_BYTES)
    this.#searchedBytes += piece.length
    const overlap = this.#text.length - 1
    // The text may lie across: only as much of the piece is copied as it can reach into.
    const seam = Buffer.concat([this.#tail, piece.subarray(0, overlap)])
    if (seam.includes(this.#text) || piece.includes(this.#text)) return true
    const end = piece.length < overlap ? seam : piece
    this.#tail = Buffer.from(end.subarray(Math.max(0, end.length - overlap)))
    return false
  }

  /** The line before a chunk tells its length; the one behind it is empty. */
  #beginChunk(): Verdict | null {
    const line = this.#line.trim()
    this.#line = ''
    if (this.#isBehindChunk) {
      this.#isBehindChunk = false
      return line === '' ? null : wrong('a chunk of its body is longer than it says')
    }
    const [, length] = /^([0-9a-f]{1,12})\s*(?:;|$)/i.exec(line) ?? []
    if (length === undefined) return wrong(`a chunk of its body has no length: ${excerpt(line)}`)
    this.#leftBytes = Number.parseInt(length, 16)
    this.#isBehindChunk = true
    return this.#leftBytes === 0 ? this.#isMissing('its body') : null
  }

  #isMissing(where: string): Verdict {
    const start = this.#searchedBytes === 0 ? 'it is empty' : `it starts with ${excerpt(this.#start)}`
    return wrong(`${where} does not contain ${excerpt(this.#text.toString())}: ${start}`)
  }
}

const EXCERPT_BYTES = 64
