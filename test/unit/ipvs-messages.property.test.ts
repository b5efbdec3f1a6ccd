import fc from 'fast-check'
import { parseMessages } from 'netlink/dist/structs.js'
import { describe, expect, it } from 'vitest'
import type { IpvsEdit } from '../../agent/host/ipvs.ts'
import { LocatedAttributes } from '../../agent/host/netlink/attributes.ts'
import { encodeCommand } from '../../agent/host/netlink/ipvs/commands.ts'
import { decodeDaemon, encodeDaemon } from '../../agent/host/netlink/ipvs/daemon.ts'
import { decodeDestination } from '../../agent/host/netlink/ipvs/destination.ts'
import { checkEdits, requestsOf } from '../../agent/host/netlink/ipvs/edits.ts'
import { decodeService } from '../../agent/host/netlink/ipvs/service.ts'
import { decodeTimeouts, encodeTimeouts } from '../../agent/host/netlink/ipvs/settings.ts'
import { encodeMessages } from '../../agent/host/netlink/socket.ts'
import { type Attribute, decodeAttributes, encodeBody } from '../../agent/host/netlink/wire.ts'
import { serviceFamily, type Traffic } from '../../agent/model/ipvs.ts'
import { daemon, destinationOf, service, serviceKey } from '../support/ipvs-arbitraries.ts'

const FAMILY = 27
const NOTHING_YET: Traffic = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionsPerSecond: 0,
  inPacketsPerSecond: 0,
  outPacketsPerSecond: 0,
  inBytesPerSecond: 0,
  outBytesPerSecond: 0,
}

describe('what is written is read again', () => {
  it('a service', () => {
    fc.assert(
      fc.property(service, fc.constantFrom('add-service', 'edit-service'), (service, edit) => {
        const [body = expect.unreachable()] = bodiesOf([{ edit, service }])
        expect(decodeService(body)).toEqual({ ...service, traffic: NOTHING_YET })
      }),
    )
  })

  it('destinations of several services, in one batch', () => {
    const pools = fc.array(
      serviceKey.chain(key =>
        fc.record({ key: fc.constant(key), destinations: fc.array(destinationOf(key)) }),
      ),
    )
    fc.assert(
      fc.property(pools, fc.constantFrom('add-destination', 'edit-destination'), (pools, edit) => {
        const wanted = pools.flatMap(({ key, destinations }) =>
          destinations.map(destination => ({ key, destination })),
        )
        const bodies = bodiesOf(wanted.map(each => ({ edit, ...each })))
        const found = bodies.map((body, index) => {
          const { key } = wanted[index] ?? expect.unreachable()
          return { key: decodeService(body)?.key, destination: decodeDestination(body, serviceFamily(key)) }
        })
        expect(found).toEqual(
          wanted.map(({ key, destination }) => ({
            key,
            destination: {
              ...destination,
              activeConnections: 0,
              inactiveConnections: 0,
              persistentConnections: 0,
              traffic: NOTHING_YET,
            },
          })),
        )
      }),
    )
  })

  it('the key of what is deleted', () => {
    const target = serviceKey.chain(key =>
      fc.record({ key: fc.constant(key), destination: destinationOf(key) }),
    )
    fc.assert(
      fc.property(target, ({ key, destination }) => {
        const [ofService = expect.unreachable(), ofDestination = expect.unreachable()] = bodiesOf([
          { edit: 'delete-service', key },
          { edit: 'delete-destination', key, destination },
        ])
        expect(decodeService(ofService)).toMatchObject({ key, scheduler: '', persistence: null })
        const { address, port } = destination
        expect(decodeService(ofDestination)?.key).toEqual(key)
        expect(decodeDestination(ofDestination, serviceFamily(key))).toMatchObject({ address, port })
      }),
    )
  })

  it('a sync daemon', () => {
    fc.assert(
      fc.property(daemon, daemon => {
        expect(decodeDaemon(encodeCommand(9, encodeDaemon(daemon)))).toEqual(daemon)
      }),
    )
  })

  it('timeouts', () => {
    const seconds = fc.integer({ min: 1, max: 0x7fff_ffff })
    fc.assert(
      fc.property(seconds, seconds, seconds, (tcpSeconds, tcpFinSeconds, udpSeconds) => {
        const timeouts = { tcpSeconds, tcpFinSeconds, udpSeconds }
        expect(decodeTimeouts(encodeCommand(12, ...encodeTimeouts(timeouts)))).toEqual(timeouts)
      }),
    )
  })
})

describe('attributes where they lie', () => {
  const attributes = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 63 }), fc.uint8Array({ minLength: 8, maxLength: 40 })),
  )

  it('are those that the codec of npm netlink finds', () => {
    fc.assert(
      fc.property(attributes, attributes => {
        const body = encodeBody(Buffer.alloc(4), ...attributes)
        const located = new LocatedAttributes().locate(body, 4, body.length)
        for (const [type, value] of decodeAttributes(body, 4)) {
          expect(located.bytes(type, 40)).toEqual(value)
          expect(located.u32(type)).toBe(value.readUInt32LE(0))
          expect(located.u16be(type)).toBe(value.readUInt16BE(0))
          expect(located.u64(type)).toBe(Number(value.readBigUInt64LE(0)))
        }
        expect(located.has(0)).toBe(false)
      }),
    )
  })

  it('never reach beyond the message, however it was cut', () => {
    const cut = fc.tuple(attributes, fc.nat()).map(([attributes, bytes]) => {
      const body = encodeBody(Buffer.alloc(0), ...(attributes as Attribute[]))
      return body.subarray(0, body.length === 0 ? 0 : bytes % body.length)
    })
    fc.assert(
      fc.property(fc.oneof(cut, fc.uint8Array().map(Buffer.from)), body => {
        try {
          const located = new LocatedAttributes().locate(body, 0, body.length)
          for (let type = 0; type < 64; type++)
            expect(located.startOf(type) + located.bytes(type, 100).length).toBeLessThanOrEqual(body.length)
        } catch (error) {
          expect((error as Error).message).toBe('a netlink attribute is longer than its message')
        }
      }),
    )
  })
})

/** As they stand in the messages that the kernel gets. */
function bodiesOf(edits: readonly IpvsEdit[]): Buffer[] {
  checkEdits(edits)
  const bytes = encodeMessages([...requestsOf(edits, FAMILY)], 7, 1)
  const messages = parseMessages(bytes)
  expect(messages.map(({ type, seq }) => ({ type, seq }))).toEqual(
    edits.map((_, index) => ({ type: FAMILY, seq: 7 + index })),
  )
  return messages.map(({ data }) => data as Buffer)
}
