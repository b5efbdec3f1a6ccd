import type { AddressFamily, IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { ArpTap, FrameSender, NdpTap } from '../native.ts'
import { arpQuestion } from './arp.ts'
import { NoVantage, refusedAs } from './injection.ts'
import { ndpQuestion } from './ndp.ts'

/**
 * Asks the segment, on the wire, who owns an address. This host itself never hears the question: it does not
 * answer here, whatever it owns.
 */
export interface SegmentAsker {
  /** `to` is one MAC, asked alone by unicast, or everybody. `from`: the sender that the question names. */
  ask(address: IpAddress, from: IpAddress, to: 'everybody' | (string & {})): void
  /** Answers that arrived; waits until there are some or the time is over. */
  watch(timeoutMs: number): Promise<SegmentAnswer[]>
  close(): void
}

export interface SegmentAnswer {
  address: IpAddress
  mac: string
  /** When the kernel saw it, in microseconds since 1970. */
  timestampUs: number
}

/** RFC 5227, 1.1: an ARP question from here leaves no trace in anybody's table. */
export const NOBODY = '0.0.0.0' as IpAddress
const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
const ARP_REPLY = 2
/** A storm of others' answers must not push ours out. */
const BUFFER_BYTES = 4 * 1024 * 1024

/** Throws NoVantage without CAP_NET_RAW, and for a NIC that is down or gone. */
export function openSegmentAsker(nic: Link, family: AddressFamily): SegmentAsker {
  const sender = refusedAs('sending', () => new FrameSender(nic.index))
  try {
    const tap = refusedAs('the tap', () => (family === 4 ? openArpTap(nic) : openNdpTap(nic)))
    return {
      ask(address, from, to) {
        const frame =
          family === 4
            ? arpQuestion(nic, address, from, to === 'everybody' ? BROADCAST_MAC : to)
            : ndpQuestion(nic, address, from, to)
        refusedAs(`sending on ${nic.name}`, () => sender.send(frame))
      },
      watch: timeoutMs =>
        tap.receive(timeoutMs).catch(error => {
          throw NoVantage.of(error, 'the tap')
        }),
      close() {
        tap.close()
        sender.close()
      },
    }
  } catch (error) {
    sender.close()
    throw error
  }
}

interface AnswerTap {
  receive(timeoutMs: number): Promise<SegmentAnswer[]>
  close(): void
}

function openArpTap({ index }: Link): AnswerTap {
  const tap = new ArpTap([index], { incoming: 'replies', bufferBytes: BUFFER_BYTES })
  return {
    receive: async timeoutMs =>
      (await tap.receive(timeoutMs)).flatMap(({ outgoing, timestampUs, packet }) =>
        outgoing || packet.operation !== ARP_REPLY
          ? []
          : [{ address: packet.senderIp as IpAddress, mac: packet.senderMac, timestampUs }],
      ),
    close: () => tap.close(),
  }
}

function openNdpTap({ index }: Link): AnswerTap {
  const tap = new NdpTap([index], { bufferBytes: BUFFER_BYTES })
  return {
    receive: async timeoutMs =>
      (await tap.receive(timeoutMs)).flatMap(({ outgoing, timestampUs, sourceMac, packet }) =>
        outgoing || packet.kind !== 'advertisement'
          ? []
          : [
              {
                address: packet.targetIp as IpAddress,
                mac: packet.linkLayerAddress ?? sourceMac,
                timestampUs,
              },
            ],
      ),
    close: () => tap.close(),
  }
}
