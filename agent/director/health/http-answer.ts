import { BodySearch } from './body-search.ts'
import { excerpt, type Framing, type Verdict, wrong } from './http-verdict.ts'

/** What the answer to an HTTP request must be. */
export interface Expected {
  /** Any of these; null for one that is no error. */
  status: readonly number[] | null
  /** Null when the body does not matter: then it is not read. */
  body: Buffer | null
}

/** As large as node:http allows; no server needs more to say how it is. */
const HEAD_LIMIT_BYTES = 16 * 1024
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const COLON = 0x3a
/** A status that is followed by another one (RFC 9110, 15.2); 101 ends HTTP, and is an answer. */
const INTERIM = /^1(?!01)/
const STATUS_LINE = /^HTTP\/1\.[0-9] ([1-5][0-9]{2})(?: |$)/

/**
 * Reads the answer to one request as it arrives (RFC 9112), and no further than to what decides. It keeps no more of
 * it than an unfinished head.
 */
export class HttpAnswer {
  readonly #expected: Expected
  /** What arrived of the head, from its first byte on. */
  #head: Buffer = EMPTY
  #headBytes = 0
  #status: string | null = null
  #length: string | null = null
  #coding: string | null = null
  #body: BodySearch | null = null

  constructor(expected: Expected) {
    this.#expected = expected
  }

  /** Null while more is needed. The bytes may be overwritten afterwards. */
  take(bytes: Buffer): Verdict | null {
    if (this.#body !== null) return this.#body.take(bytes)
    return this.#takeHead(this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]))
  }

  /** What it means that nothing more will come. */
  end(): Verdict {
    if (this.#body !== null) return this.#body.end()
    return wrong(
      this.#headBytes + this.#head.length === 0
        ? 'it closes the connection without an answer'
        : 'it closes the connection within the head of its answer',
    )
  }

  /** For a person: how far it came. */
  progress(): string {
    if (this.#body !== null) return 'its answer did not end'
    return this.#headBytes + this.#head.length === 0 ? 'no answer' : 'the head of its answer did not end'
  }

  #takeHead(bytes: Buffer): Verdict | null {
    let at = 0
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
      const length = (bytes[end - 1] === CARRIAGE_RETURN && end > at ? end - 1 : end) - at
      this.#headBytes += end + 1 - at
      if (this.#headBytes > HEAD_LIMIT_BYTES) return TOO_LONG
      const verdict = length === 0 ? this.#endHead(bytes.subarray(end + 1)) : this.#line(bytes, at, length)
      if (verdict !== null) return verdict === GO_ON ? null : verdict
      at = end + 1
    }
    if (this.#headBytes + bytes.length - at > HEAD_LIMIT_BYTES) return TOO_LONG
    this.#head = Buffer.from(bytes.subarray(at))
    return null
  }

  #line(bytes: Buffer, at: number, length: number): Verdict | null {
    if (this.#status === null) return this.#statusLine(bytes.toString('latin1', at, at + length))
    const colon = bytes.indexOf(COLON, at) - at
    if (colon <= 0 || colon >= length) return wrong('a line in the head of its answer is none of HTTP')
    // Of all fields these two alone tell where the body ends, and by their lengths most are none of them.
    if (this.#expected.body === null || (colon !== LENGTH.length && colon !== CODING.length)) return null
    const name = bytes.toString('latin1', at, at + colon).toLowerCase()
    const value = bytes
      .toString('latin1', at + colon + 1, at + length)
      .trim()
      .toLowerCase()
    if (name === LENGTH)
      this.#length = this.#length === null || this.#length === value ? value : 'two of them'
    if (name === CODING) this.#coding = this.#coding === null ? value : `${this.#coding}, ${value}`
    return null
  }

  #statusLine(line: string): Verdict | null {
    const [, status] = STATUS_LINE.exec(line) ?? []
    if (status === undefined) return wrong(`it does not speak HTTP: ${excerpt(line)}`)
    this.#status = status
    return INTERIM.test(status) ? null : this.#judgeStatus(Number(status))
  }

  #judgeStatus(status: number): Verdict | null {
    const expected = this.#expected.status
    const isExpected =
      expected === null ? status >= FIRST_GOOD && status < FIRST_BAD : expected.includes(status)
    if (isExpected) return null
    return wrong(
      `status ${status}, expected ${expected === null ? `one from ${FIRST_GOOD} to ${FIRST_BAD - 1}` : expected.join(' or ')}`,
    )
  }

  #endHead(rest: Buffer): Verdict | typeof GO_ON {
    if (this.#status === null) return wrong('it does not speak HTTP: an empty line')
    if (INTERIM.test(this.#status)) {
      this.#status = this.#length = this.#coding = null
      // Its bytes still count: interim answers without end are an endless head too.
      this.#head = EMPTY
      return this.#takeHead(rest) ?? GO_ON
    }
    const { body } = this.#expected
    if (body === null) return RIGHT
    const framing = framingOf(this.#status, this.#length, this.#coding)
    if (typeof framing === 'object') return framing
    this.#head = EMPTY
    this.#body = new BodySearch(body, framing)
    return this.#body.take(rest) ?? GO_ON
  }
}

const EMPTY = Buffer.alloc(0)
const GO_ON = Symbol('more is needed')
const RIGHT: Verdict = { kind: 'right' }
const LENGTH = 'content-length'
const CODING = 'transfer-encoding'
const FIRST_GOOD = 200
const FIRST_BAD = 400
const TOO_LONG = wrong(`the head of its answer is longer than ${HEAD_LIMIT_BYTES} bytes`)

function framingOf(status: string, length: string | null, coding: string | null): Framing | Verdict {
  if (status === '204' || status === '304') return 0
  if (coding !== null)
    return coding === 'chunked'
      ? coding
      : wrong(`its Transfer-Encoding is not understood: ${excerpt(coding)}`)
  if (length === null) return 'closed'
  return /^[0-9]{1,15}$/.test(length)
    ? Number(length)
    : wrong(`its Content-Length is no number: ${excerpt(length)}`)
}
