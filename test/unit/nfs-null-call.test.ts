import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeNullCall, parseNullReply } from '../../agent/model/nfs-null-call.ts'

const ID = 0xdead_beef

/** An answer as RFC 5531 draws it: words of 32 bits behind a record mark. */
function answer(...words: number[]): Buffer {
  const bytes = Buffer.alloc(4 + words.length * 4)
  bytes.writeUInt32BE((0x8000_0000 | (words.length * 4)) >>> 0)
  words.forEach((word, index) => {
    bytes.writeUInt32BE(word >>> 0, 4 + index * 4)
  })
  return bytes
}

describe('the call that asks for nothing', () => {
  it('is 40 bytes behind their record mark, to version 4 of program 100003', () => {
    const hex = '80000028 deadbeef 00000000 00000002 000186a3 00000004 00000000'
    expect(encodeNullCall(ID, 4).toString('hex')).toBe(`${hex.replaceAll(' ', '')}${'0'.repeat(32)}`)
  })

  it.each([
    ['done', answer(ID, 1, 0, 0, 0, 0), { kind: 'done' }],
    ['done, with a secret of the server’s', answer(ID, 1, 0, 1, 8, 7, 7, 0), { kind: 'done' }],
    ['another program', answer(ID, 1, 0, 0, 0, 1), { kind: 'refused', why: 'is no NFS server' }],
    [
      'versions',
      answer(ID, 1, 0, 0, 0, 2, 3, 3),
      { kind: 'refused', why: 'speaks versions 3 to 3 of NFS alone' },
    ],
    ['denied', answer(ID, 1, 1, 1, 5), { kind: 'refused', why: 'does not let this host call it' }],
    ['to somebody else', answer(1, 1, 0, 0, 0, 0), { kind: 'nonsense' }],
    ['a call', answer(ID, 0, 2, 100_003, 4, 0), { kind: 'nonsense' }],
    ['a greeting', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), { kind: 'nonsense' }],
  ])('understands the answer: %s', (_, bytes, reply) => {
    expect(parseNullReply(bytes, ID)).toEqual(reply)
  })

  it('waits for the rest of an answer', () => {
    const whole = answer(ID, 1, 0, 0, 0, 0)
    for (let length = 0; length < whole.length; length++)
      expect(parseNullReply(whole.subarray(0, length), ID)).toBeNull()
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        parseNullReply(Buffer.from(bytes), ID)
      }),
    )
  })
})
