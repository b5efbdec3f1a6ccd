import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { type ArpSighting, ArpTap, encodeArpFrame } from '../native.ts'
import { type Passage, type Protocol, TAP_BUFFER_BYTES } from './silence.ts'

/** Operation codes of RFC 826. */
const ARP_REQUEST = 1
const ARP_REPLY = 2
/** RFC 5227: a request with this sender leaves no trace in anybody's ARP table. */
const PROBE_SENDER = '0.0.0.0'
const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
const UNKNOWN_MAC = '00:00:00:00:00:00'

/** ARP: IPv4's way to ask who owns an address. `stranger` is a sender for ordinary questions; null where none is safe. */
export function arpProtocol(stranger: IpAddress | null): Protocol {
  return {
    // A host that answers everybody need not note a stranger.
    rounds: [['to everybody'], ['to everybody'], ['to everybody', 'to this NIC']],
    openTap(nic) {
      const tap = new ArpTap([nic.index], { incoming: 'probes', bufferBytes: TAP_BUFFER_BYTES })
      return {
        receive: async timeoutMs => (await tap.receive(timeoutMs)).map(passageOf),
        takeDropCount: () => tap.takeDropCount(),
        close: () => tap.close(),
      }
    },
    questions(nic, address, manner) {
      // The answer goes to the MAC that asks, the NIC's own, also when nobody is named as the sender.
      if (manner !== 'to this NIC') return [arpQuestion(nic, address, PROBE_SENDER, BROADCAST_MAC)]
      return stranger === null ? [] : [arpQuestion(nic, address, stranger, nic.mac)]
    },
  }
}

/** An ARP request that names the NIC's own MAC as its sender's. */
export function arpQuestion({ mac }: Link, address: IpAddress, senderIp: string, toMac: string): Buffer {
  return encodeArpFrame(toMac, mac, {
    operation: ARP_REQUEST,
    senderMac: mac,
    senderIp,
    targetMac: UNKNOWN_MAC,
    targetIp: address,
  })
}

function passageOf({ outgoing, timestampUs, packet }: ArpSighting): Passage {
  const { senderMac, senderIp, targetIp, operation } = packet
  if (!outgoing) return { kind: 'question', timestampUs, mac: senderMac, address: targetIp as IpAddress }
  // Whoever leaves as the sender is claimed, in a request as much as in a reply: neighbours note both.
  const answersProbe = operation === ARP_REPLY && targetIp === PROBE_SENDER
  return { kind: 'claim', timestampUs, mac: senderMac, address: senderIp as IpAddress, answersProbe }
}
