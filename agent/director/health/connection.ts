import { type OnReadOpts, Socket } from 'node:net'
import { hasErrno, messageOf } from '../../errors.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Finding } from './attempt.ts'

/** Takes what arrives; the bytes are overwritten afterwards. */
export type Reader = (bytes: Buffer) => void

/** What was read last, of any connection: each reader is done with it when the next bytes come. */
const received = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Opens a connection for one try; what goes wrong with it is told to `found`. With a reader nothing is stored: a
 * gigabyte costs no more memory than a byte.
 */
export function connect(
  { address, port }: { address: IpAddress; port: number },
  found: Finding,
  read: Reader | null,
): Socket {
  const onread: OnReadOpts = {
    buffer: received,
    callback(count) {
      read?.(received.subarray(0, count))
      return !socket.destroyed
    },
  }
  // It is ended by `hangUp` alone: an end of our own, sent while the other one's is on its way, would leave TIME-WAIT.
  const socket = new Socket({ allowHalfOpen: true, ...(read !== null && { onread }) })
  let isRefusedHere = false
  socket.on('error', error => {
    if (isRefusedHere || hasErrno(error, ...OWN_ERRORS)) found.unknown(`cannot ask: ${messageOf(error)}`)
    else found.fail(whyBroken(error))
  })
  // An address needs no look-up, and this no event: a try has few microseconds.
  socket.connect({ host: address, port })
  // connect(2) was called meanwhile. What it turns down at once is this host's own: no descriptor, port or route.
  process.nextTick(() => {
    isRefusedHere = socket.destroyed
  })
  return socket
}

/** Want of something on this host, whenever it shows. */
const OWN_ERRORS = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']

/** With a reset: thousands of connections would otherwise wait a minute each in TIME-WAIT, and hold their ports. */
export function hangUp(socket: Socket): void {
  // Of one that is still connecting it would wait for that.
  if (socket.connecting || socket.destroyed) socket.destroy()
  else socket.resetAndDestroy()
}

export function whyBroken(error: Error): string {
  const known = REASONS.find(([code]) => hasErrno(error, code))
  return known === undefined ? messageOf(error) : known[1]
}

const REASONS: readonly (readonly [string, string])[] = [
  ['ECONNREFUSED', 'it refuses the connection: nobody listens there, or a firewall rejects it'],
  ['ECONNRESET', 'it resets the connection'],
  ['EPIPE', 'it closes the connection'],
  ['EHOSTUNREACH', 'it cannot be reached: nobody answers ARP for its address, or a router knows no way'],
  ['ETIMEDOUT', 'it acknowledges nothing'],
]
