import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HttpAnswer } from '../../agent/director/health/http-answer.ts'
import type { Verdict } from '../../agent/director/health/http-verdict.ts'

interface Read {
  verdict: Verdict
  /** How many bytes decided. */
  bytes: number
}

/** Reads an answer in pieces, each of which is overwritten behind it, up to its end. */
function read(
  bytes: Buffer,
  cuts: readonly number[],
  expected: ConstructorParameters<typeof HttpAnswer>[0],
): Read {
  const answer = new HttpAnswer(expected)
  const places = [...new Set([0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].toSorted(
    (left, right) => left - right,
  )
  for (const [index, start] of places.entries()) {
    const end = places[index + 1] ?? start
    if (end === start) continue
    const piece = Buffer.from(bytes.subarray(start, end))
    const verdict = answer.take(piece)
    piece.fill('!')
    if (verdict !== null) return { verdict, bytes: end }
  }
  return { verdict: answer.end(), bytes: bytes.length + 1 }
}

const cuts = fc.array(fc.nat(), { maxLength: 12 })
const TEXT = 'it works'
const EXPECTED = { status: [200], body: Buffer.from(TEXT) }
const RIGHT: Verdict = { kind: 'right' }

const body = fc.tuple(
  fc.string({ maxLength: 50 }),
  fc.constantFrom(TEXT, 'it work', 'it  works'),
  fc.string(),
)
const interim = fc.constantFrom(
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n',
)
const lineEnd = fc.constantFrom('\r\n', '\n')
const fields = fc.constantFrom('', 'Server: x:y', 'X-Empty:', 'Content-Typ: text/html')

function head(end: string, ...lines: string[]): string {
  return `${['HTTP/1.1 200 OK', ...lines.filter(line => line !== '')].join(end)}${end}${end}`
}

function chunked(bytes: Buffer, sizes: readonly number[]): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const chunk = bytes.subarray(at, at + 1 + ((sizes[index] ?? 1000) % 1000))
    chunks.push(
      Buffer.from(`${chunk.length.toString(16)}${index % 2 === 0 ? '' : ';a=b'}\r\n`),
      chunk,
      Buffer.from('\r\n'),
    )
    at += chunk.length
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')])
}

describe('the answer to an HTTP request', () => {
  it('means the same however it is cut, and however its body ends', () => {
    fc.assert(
      fc.property(body, interim, lineEnd, fields, cuts, cuts, (parts, before, end, field, pieces, sizes) => {
        const bytes = Buffer.from(parts.join(''))
        const isThere = parts.join('').includes(TEXT)
        const answers = [
          [head(end, field, `content-LENGTH: ${bytes.length}`), bytes],
          [head(end, field), bytes],
          [head(end, 'Transfer-Encoding: Chunked', field), chunked(bytes, sizes)],
        ] as const
        for (const [start, rest] of answers) {
          const { verdict } = read(Buffer.concat([Buffer.from(before + start), rest]), pieces, EXPECTED)
          expect(verdict.kind).toBe(isThere ? 'right' : 'wrong')
        }
      }),
    )
  })

  it('without a text to look for is decided with its head', () => {
    fc.assert(
      fc.property(fields, lineEnd, cuts, fc.uint8Array(), (field, end, pieces, rest) => {
        const start = Buffer.from(head(end, field))
        const { verdict, bytes } = read(Buffer.concat([start, rest]), [...pieces, start.length], {
          status: null,
          body: null,
        })
        expect(verdict).toEqual(RIGHT)
        expect(bytes).toBe(start.length)
      }),
    )
  })

  it('is right or wrong, whatever comes, and needs no more than its limits', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
      fc
        .array(
          fc.constantFrom(
            'HTTP/1.1 200 OK',
            '\r\n',
            '\n',
            'Content-Length: ',
            '-1',
            '5',
            'Transfer-Encoding: ',
            'chunked',
            'ffffffffffff',
            '0',
            ':',
            TEXT,
            'x'.repeat(20_000),
          ),
        )
        .map(words => Buffer.from(words.join(''))),
    )
    fc.assert(
      fc.property(anything, cuts, (bytes, pieces) => {
        const whole = read(bytes, [], EXPECTED).verdict
        expect(['right', 'wrong']).toContain(whole.kind)
        expect(read(bytes, pieces, EXPECTED).verdict).toEqual(whole)
      }),
    )
  })

  it.each<[string, string, RegExp]>([
    ['two lengths', 'Content-Length: 8\r\nContent-Length: 9\r\n\r\nit works', /Content-Length is no number/],
    ['a length below nothing', 'Content-Length: -1\r\n\r\nit works', /Content-Length is no number: "-1"/],
    ['a coding unknown', 'Transfer-Encoding: gzip, chunked\r\n\r\n', /Transfer-Encoding is not understood/],
    [
      'a chunk without a length',
      'Transfer-Encoding: chunked\r\n\r\nit works\r\n',
      /has no length: "it works"/,
    ],
    [
      'a chunk whose length never ends',
      `Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(300)}`,
      /has no length/,
    ],
    [
      'a chunk longer than it says',
      'Transfer-Encoding: chunked\r\n\r\n2\r\nit works\r\n',
      /longer than it says/,
    ],
    ['a text behind the end of its body', 'Content-Length: 2\r\n\r\nit works', /its body does not contain/],
    ['no body', 'Content-Length: 0\r\n\r\n', /does not contain "it works": it is empty/],
    ['a line without a colon', 'it works\r\n\r\n', /none of HTTP/],
  ])('is wrong with %s', (_, rest, why) => {
    const { verdict } = read(Buffer.from(`HTTP/1.1 200 OK\r\n${rest}`), [], EXPECTED)
    expect(verdict).toEqual({ kind: 'wrong', why: expect.stringMatching(why) })
  })
})
