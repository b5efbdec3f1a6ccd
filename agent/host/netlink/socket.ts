import { RawNetlinkSocket } from 'netlink/dist/raw.js'
import { HEADER_LENGTH, type NetlinkMessage, parseMessages } from 'netlink/dist/structs.js'
import { hasErrno } from '../../errors.ts'
import { tuneNetlinkSocket } from '../native.ts'
import { align } from './wire.ts'

/** include/uapi/linux/netlink.h */
const NLM_F_REQUEST = 0x1

export interface NetlinkRequest {
  type: number
  flags: number
  body: Buffer
}

/** A request socket of npm `netlink`, tuned so that an overrun does not end the process. */
export function openSocket(
  protocol: number,
  told: {
    /** All of one datagram. */ received(messages: NetlinkMessage[]): void
    failed(error: Error): void
  },
): RawNetlinkSocket {
  const socket = new RawNetlinkSocket(protocol)
  tune(socket, protocol)
  socket.on('message', bytes => told.received(parseMessages(bytes)))
  socket.on('truncatedMessage', () =>
    told.failed(new Error('the kernel sent a netlink message that did not fit')),
  )
  socket.on('error', error => {
    if (!hasErrno(error, 'EAGAIN', 'EINTR')) told.failed(error)
  })
  return socket
}

function tune(socket: RawNetlinkSocket, protocol: number): void {
  try {
    tuneNetlinkSocket(protocol, socket.address().port, {
      extendedAck: true,
      strictDump: true,
      // The library's poll callback aborts the process when the kernel reports an overrun (EPOLLERR): a lost
      // answer ends in the timeout instead, and the next exchange starts on a new socket.
      ignoreOverrun: true,
    })
  } catch (error) {
    // An open socket would keep the process from ending.
    socket.close()
    throw error
  }
}

/**
 * The requests with their headers, numbered from `sequence` on. One buffer: a batch in its parts would have more of
 * them than one send may gather (IOV_MAX, 1024).
 */
export function encodeMessages(requests: readonly NetlinkRequest[], sequence: number, port: number): Buffer {
  const messages = Buffer.alloc(
    requests.reduce((sum, { body }) => sum + HEADER_LENGTH + align(body.length), 0),
  )
  let offset = 0
  for (const [index, { type, flags, body }] of requests.entries()) {
    // struct nlmsghdr
    messages.writeUInt32LE(HEADER_LENGTH + body.length, offset)
    messages.writeUInt16LE(type, offset + 4)
    messages.writeUInt16LE(flags | NLM_F_REQUEST, offset + 6)
    messages.writeUInt32LE(sequence + index, offset + 8)
    messages.writeUInt32LE(port, offset + 12)
    messages.set(body, offset + HEADER_LENGTH)
    offset += HEADER_LENGTH + align(body.length)
  }
  return messages
}
