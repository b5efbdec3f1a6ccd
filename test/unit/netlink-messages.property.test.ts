import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeNeighbour, encodeNeighbour } from '../../agent/host/netlink/neighbours.ts'
import {
  decodeBaseChain,
  decodeTable,
  encodeFilterChain,
  encodeTable,
} from '../../agent/host/netlink/nft-chains.ts'
import { decodeAttributes, encodeBody } from '../../agent/host/netlink/wire.ts'
import { addressFromBytes } from '../../agent/model/address.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const address = fc.oneof(bytes(4), bytes(16)).map(addressFromBytes)
const index = fc.integer({ min: 1, max: 0x7fff_ffff })
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,30}$/)
const family = fc.constantFrom(1, 2, 3, 5, 7, 10)

describe('what is written is read again', () => {
  it('attributes of any length, each at its place', () => {
    const values = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 40 })),
      {
        selector: ([type]) => type,
      },
    )
    fc.assert(
      fc.property(bytes(12), values, (header, attributes) => {
        const body = encodeBody(header, ...attributes)
        expect(body.length % 4).toBe(0)
        expect([...decodeAttributes(body, header.length)]).toEqual(
          attributes.map(([type, value]) => [type, Buffer.from(value)]),
        )
      }),
    )
  })

  it('a neighbour', () => {
    fc.assert(
      fc.property(address, index, (address, index) => {
        expect(decodeNeighbour(encodeNeighbour(address, index), String)).toEqual({
          link: String(index),
          address,
          mac: null,
          state: 0,
          proxy: false,
        })
      }),
    )
  })

  it('a table and its base chain, in network byte order', () => {
    const hook = fc.integer({ min: 0, max: 7 })
    const priority = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
    fc.assert(
      fc.property(family, name, name, hook, priority, (family, table, chain, hook, priority) => {
        const place = { family, table, chain }
        expect(decodeTable(encodeTable(family, table, 1))).toEqual({ family, name: table, dormant: true })
        const chainBody = encodeFilterChain(place, { hook, priority })
        expect(decodeBaseChain(chainBody)).toEqual({ ...place, hook, devices: [], policy: 1, ruleCount: 0 })
      }),
    )
  })
})
