import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressBytes,
  addressFromBytes,
  type IpAddress,
  isInSubnet,
  parseIpAddress,
  parseNetwork,
  whyNotVip,
  withPort,
} from '../../agent/model/address.ts'

const ip = (text: string): IpAddress => parseIpAddress(text) ?? expect.fail(`${text} is no address`)

describe('parseIpAddress', () => {
  it.each(['', '10.1', '010.0.0.1', '10.0.0.256', '10.0.0.1/32', 'fe80::1%eth0', '::g', '10.0.0.1 '])(
    'takes no %j',
    text => {
      expect(parseIpAddress(text)).toBeNull()
    },
  )

  it('writes IPv6 the way the kernel does', () => {
    expect(parseIpAddress('2001:0DB8:0:0:0:0:0:1')).toBe('2001:db8::1')
  })

  it('keeps every address through bytes and back', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    fc.assert(
      fc.property(bytes, value => {
        expect([...addressBytes(addressFromBytes(value))]).toEqual([...value])
      }),
    )
  })
})

describe('parseNetwork', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3', 32],
    ['10.1.2.3/8', '10.1.2.3', 8],
    ['0.0.0.0/0', '0.0.0.0', 0],
    ['2001:0db8::/32', '2001:db8::', 32],
    ['::/0', '::', 0],
    ['2001:db8::1', '2001:db8::1', 128],
    ['10.0.0.0/32', '10.0.0.0', 32],
    ['fd00::/128', 'fd00::', 128],
  ])('takes %s', (text, address, prefixLength) => {
    expect(parseNetwork(text)).toEqual({ address, prefixLength })
  })

  it.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/ 8',
    '10.0.0.0/1e1',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/8/8',
    '10/8',
    'fd00::/129',
    'fe80::1%eth0/64',
    'anywhere',
  ])('takes no %j', text => expect(parseNetwork(text)).toBeNull())
})

describe('withPort', () => {
  it.each([
    ['10.10.10.100', 80, '10.10.10.100:80'],
    ['10.10.10.100', '8080', '10.10.10.100:8080'],
    ['10.10.10.100', null, '10.10.10.100'],
    ['2001:db8::100', 443, '[2001:db8::100]:443'],
    ['2001:db8::100', null, '[2001:db8::100]'],
  ])('%s with port %s is %s, as in a URL', (address, port, expected) => {
    const text = withPort(ip(address), port)
    expect(text).toBe(expected)
    expect(new URL(`http://${text}/`).hostname).toBe(address.includes(':') ? `[${address}]` : address)
  })
})

describe('isInSubnet', () => {
  it.each([
    ['10.10.10.100', '10.10.10.12', 24, true],
    ['10.10.11.100', '10.10.10.12', 24, false],
    ['10.10.11.100', '10.10.10.12', 23, true],
    ['10.10.10.100', '10.10.10.101', 32, false],
    ['1.2.3.4', '200.1.1.1', 0, true],
    ['2001:db8::1', '2001:db8::2', 64, true],
    ['2001:db8::1', '10.0.0.1', 0, false],
  ])('%s in the subnet of %s/%i: %s', (address, network, prefixLength, expected) => {
    expect(isInSubnet(ip(address), ip(network), prefixLength)).toBe(expected)
  })
})

describe('whyNotVip', () => {
  it.each([
    '127.0.0.1',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '169.254.1.1',
    '::1',
    '::',
    'fe80::1',
    'ff02::1',
    '::ffff:10.0.0.1',
    '240.0.0.1',
  ])('refuses %s', address => expect(whyNotVip(ip(address))).toBeTypeOf('string'))

  it.each(['10.10.10.100', '192.0.2.10', '203.0.113.5', '100.64.0.1', '8.8.8.8', '2001:db8::100', 'fd00::1'])(
    'takes %s',
    address => {
      expect(whyNotVip(ip(address))).toBeNull()
    },
  )
})
