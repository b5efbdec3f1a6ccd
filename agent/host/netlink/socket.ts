import { RawNetlinkSocket } from 'netlink/dist/raw.js'
import { hasErrno } from '../../errors.ts'
import { tuneNetlinkSocket } from '../native.ts'
import { align, wordsOf } from './wire.ts'

/** include/uapi/linux/netlink.h */
const NLM_F_REQUEST = 0x1
/** struct nlmsghdr. */
const HEADER_LENGTH = 16

export interface NetlinkMessage {
  type: number
  flags: number
  seq: number
  data: Buffer
}

export interface NetlinkRequest {
  type: number
  flags: number
  body: Buffer | NetlinkBody
}

/** A body that is written straight into the message: a buffer for each of thousands is slow to make and to free. */
export interface NetlinkBody {
  /** In bytes, a multiple of 4. */
  length: number
  /** Into words of 32 bits that are all 0, from `start` on: one store for each number, instead of a function. */
  writeTo(messages: Uint32Array, start: number): void
}

/** A socket of npm `netlink`, tuned so that an overrun does not end the process. */
export function openSocket(
  protocol: number,
  told: {
    /** All of one datagram. */ received(messages: NetlinkMessage[]): void
    failed(error: Error): void
  },
  { receiveBufferBytes }: { receiveBufferBytes?: number } = {},
): RawNetlinkSocket {
  const socket = new RawNetlinkSocket(protocol)
  tune(socket, protocol, receiveBufferBytes)
  socket.on('message', bytes => {
    const messages = messagesIn(bytes)
    if (messages === null)
      told.failed(new Error('the kernel sent a netlink message of a length that cannot be'))
    else told.received(messages)
  })
  socket.on('truncatedMessage', () =>
    told.failed(new Error('the kernel sent a netlink message that did not fit')),
  )
  socket.on('error', error => {
    if (!hasErrno(error, 'EAGAIN', 'EINTR')) told.failed(error)
  })
  return socket
}

function tune(socket: RawNetlinkSocket, protocol: number, receiveBufferBytes?: number): void {
  try {
    tuneNetlinkSocket(protocol, socket.address().port, {
      extendedAck: true,
      strictDump: true,
      // The library's poll callback aborts the process when the kernel reports an overrun (EPOLLERR): a lost
      // answer ends in the timeout instead, and the next exchange starts on a new socket.
      ignoreOverrun: true,
      ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
    })
  } catch (error) {
    // An open socket would keep the process from ending.
    socket.close()
    throw error
  }
}

/** By hand: the codec of npm netlink makes four times as much garbage, and dumps have 10,000 messages. */
function messagesIn(bytes: Buffer): NetlinkMessage[] | null {
  const messages: NetlinkMessage[] = []
  for (let offset = 0; offset + HEADER_LENGTH <= bytes.length; ) {
    const length = bytes.readUInt32LE(offset)
    if (length < HEADER_LENGTH || offset + length > bytes.length) return null
    messages.push({
      type: bytes.readUInt16LE(offset + 4),
      flags: bytes.readUInt16LE(offset + 6),
      seq: bytes.readUInt32LE(offset + 8),
      data: bytes.subarray(offset + HEADER_LENGTH, offset + length),
    })
    offset += align(length)
  }
  return messages
}

/**
 * The requests with their headers, numbered from `first` on. One buffer: a batch in its parts would have more of
 * them than one send may gather (IOV_MAX, 1024).
 */
export function encodeMessages(requests: readonly NetlinkRequest[], first: number, port: number): Buffer {
  let sequence = first
  let length = 0
  for (const { body } of requests) length += HEADER_LENGTH + align(body.length)
  const bytes = Buffer.alloc(length)
  const words = wordsOf(bytes)
  let start = 0
  for (const { type, flags, body } of requests) {
    // struct nlmsghdr
    words[start] = HEADER_LENGTH + body.length
    words[start + 1] = type | ((flags | NLM_F_REQUEST) << 16)
    words[start + 2] = sequence++
    words[start + 3] = port
    start += HEADER_LENGTH / 4
    if ('writeTo' in body) body.writeTo(words, start)
    else bytes.set(body, 4 * start)
    start += align(body.length) / 4
  }
  return bytes
}
