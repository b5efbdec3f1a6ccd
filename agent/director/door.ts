import type { TcpPacket, TcpSighting } from '../host/native.ts'
import type { Door } from '../host/vantage/knock.ts'
import { withPort } from '../model/address.ts'

/** What comes back from the door of a real server that was knocked on, and what it means. */

/**
 * This host's own ports, above what Linux gives to sockets of its own (net.ipv4.ip_local_port_range ends at 60999). A
 * verify and the health checks may knock at the same time.
 */
export const VERIFY_PORTS = { first: 61_000, last: 62_999 }
export const HEALTH_PORTS = { first: 63_000, last: 65_535 }

/** Null for a frame that says nothing of it: one of another host may carry the same ports. */
export function answerIn({ outgoing, sourceMac, packet }: TcpSighting, door: Door): TcpPacket | null {
  if (outgoing || sourceMac !== door.mac) return null
  return packet.kind === 'icmp-error' || packet.rst || (packet.syn && packet.ack) ? packet : null
}

export type DoorVerdict =
  | { kind: 'open' }
  | { kind: 'shut'; why: string /** What to do there about it. */; onRealServer: string }

export function judgeAnswer(answer: TcpPacket, door: Door): DoorVerdict {
  const where = withPort(door.address, door.port)
  if (answer.kind === 'icmp-error')
    return {
      kind: 'shut',
      why: `it refuses ${where} with ICMP type ${answer.type} code ${answer.code}: it lost the VIP, or a firewall refuses what is for it`,
      onRealServer: 'rs-agent verify says why',
    }
  if (answer.rst)
    return {
      kind: 'shut',
      why: `nobody listens on ${where} there: it answers with a reset`,
      onRealServer: 'ss -ltn',
    }
  if (answer.sourceIp !== door.address)
    return {
      kind: 'shut',
      why: `it answers from ${answer.sourceIp} instead of ${door.address}`,
      onRealServer: 'look for NAT rules',
    }
  return { kind: 'open' }
}

/** Whether an accepted knock is to be ended. */
export function isHalfOpen(answer: TcpPacket): boolean {
  return answer.kind === 'segment' && !answer.rst
}
