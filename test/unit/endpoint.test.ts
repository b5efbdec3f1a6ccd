import { describe, expect, it } from 'vitest'
import { isForThisHost } from '../../agent/service/endpoint/host-header.ts'
import { placeBelow, placeText } from '../../agent/service/endpoint/listening.ts'
import { remembered } from '../../agent/service/endpoint/remembered.ts'

describe('a request', () => {
  it.each([
    undefined,
    '',
    '127.0.0.1',
    '127.0.0.1:9580',
    '10.10.10.12:80',
    '[::1]:9580',
    '[2001:db8::1]',
    'localhost',
    'LOCALHOST:9580',
    'rs1',
    'RS1:9580',
  ])('for %j is for this host', header => {
    expect(isForThisHost(header, 'rs1')).toBe(true)
  })

  it.each([
    'evil.example',
    'evil.example:9580',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'localhost, evil.example',
    'rs1.evil.example',
    '[evil.example]',
    '127.0.0.1@evil.example',
    '1270.0.0.1',
    ':9580',
    '[::1',
  ])('for %j is for somebody else', header => {
    expect(isForThisHost(header, 'rs1')).toBe(false)
  })
})

describe('a place', () => {
  it('lies below the root when it is a socket', () => {
    expect(placeBelow('/tmp/root', { socket: '/run/rs-agent/a.sock' })).toEqual({
      socket: '/tmp/root/run/rs-agent/a.sock',
    })
    expect(placeBelow('/tmp/root', { host: '127.0.0.1', port: 9580 })).toEqual({
      host: '127.0.0.1',
      port: 9580,
    })
  })

  it.each([
    [{ host: '127.0.0.1', port: 9580 }, '127.0.0.1:9580'],
    [{ host: '::1', port: 9580 }, '[::1]:9580'],
    [{ host: 'localhost', port: 9580 }, 'localhost:9580'],
    [{ socket: '/run/a.sock' }, 'unix:/run/a.sock'],
  ])('is named as the configuration names it', (place, text) => {
    expect(placeText(place)).toBe(text)
  })
})

describe('a remembered look', () => {
  it('is one look for all who ask at the same moment, and soon after', async () => {
    let looks = 0
    const look = remembered(async () => ++looks, 60_000)
    expect(await Promise.all([look(), look(), look()])).toEqual([1, 1, 1])
    expect(await look()).toBe(1)
  })

  it('is taken anew when its time is over', async () => {
    let looks = 0
    const look = remembered(async () => ++looks, 0)
    expect([await look(), await look()]).toEqual([1, 2])
  })

  it('does not remember what could not be found out', async () => {
    let looks = 0
    const look = remembered(async () => {
      if (++looks === 1) throw new Error('not now')
      return looks
    }, 60_000)
    await expect(look()).rejects.toThrow('not now')
    expect(await look()).toBe(2)
  })
})
