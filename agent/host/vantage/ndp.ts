import { addressBytes, type IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { encodeNeighbourSolicitation, type NdpSighting, NdpTap } from '../native.ts'
import { type Passage, type Protocol, TAP_BUFFER_BYTES } from './silence.ts'

/** RFC 4861, 4.3: a solicitation from here detects duplicates, and leaves no trace in a neighbour cache. */
const UNSPECIFIED = '::'
/** RFC 4291, 2.7.1: where an answer to such a solicitation goes. */
const ALL_NODES = 'ff02::1'

/**
 * NDP: IPv6's way to ask who owns an address. `stranger` is a link-local sender for ordinary questions; null
 * where none is safe.
 */
export function ndpProtocol(stranger: IpAddress | null): Protocol {
  return {
    // Straight to the NIC first: a host that answers for others does so at once then, instead of 0.8 s later, when
    // nobody is there any more to make it forget the stranger.
    rounds: [['to this NIC'], ['to everybody'], ['to everybody']],
    openTap(nic) {
      const tap = new NdpTap([nic.index], { bufferBytes: TAP_BUFFER_BYTES })
      return {
        receive: async timeoutMs => (await tap.receive(timeoutMs)).flatMap(passageOf),
        takeDropCount: () => tap.takeDropCount(),
        close: () => tap.close(),
      }
    },
    questions(nic, address, manner) {
      if (manner === 'control') return [duplicateQuestion(nic, address)]
      // An answer to nobody would go to all nodes, who would believe it. Without a stranger, no question.
      if (stranger === null) return []
      if (manner === 'to everybody') return [ndpQuestion(nic, address, stranger, 'everybody')]
      return [ndpQuestion(nic, address, stranger, nic.mac)]
    },
  }
}

/** From nobody, as duplicate address detection asks: the owner answers to all nodes, and notes nothing. */
function duplicateQuestion({ mac }: Link, address: IpAddress): Buffer {
  return encodeNeighbourSolicitation({
    sourceMac: mac,
    destinationMac: groupMac(address),
    sourceIp: UNSPECIFIED,
    destinationIp: solicitedNodeGroup(address),
    targetIp: address,
  })
}

/** A solicitation from an address with the NIC's own MAC; to the group of the address, or to one MAC alone. */
export function ndpQuestion(
  { mac }: Link,
  address: IpAddress,
  sourceIp: IpAddress,
  toMac: 'everybody' | (string & {}),
): Buffer {
  const toEverybody = toMac === 'everybody'
  return encodeNeighbourSolicitation({
    sourceMac: mac,
    destinationMac: toEverybody ? groupMac(address) : toMac,
    sourceIp,
    destinationIp: toEverybody ? solicitedNodeGroup(address) : address,
    targetIp: address,
    sourceLinkLayer: mac,
  })
}

/** RFC 4291, 2.7.1: ff02::1:ff00:0/104 with the last 24 bits of the address. */
function solicitedNodeGroup(address: IpAddress): string {
  const [high = 0, middle = 0, low = 0] = addressBytes(address).subarray(13)
  return `ff02::1:ff${hex(high)}:${hex(middle)}${hex(low)}`
}

/** RFC 2464, 7: 33:33 and the last 32 bits of the group. */
function groupMac(address: IpAddress): string {
  return `33:33:ff:${[...addressBytes(address).subarray(13)].map(hex).join(':')}`
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function passageOf({ outgoing, timestampUs, sourceMac, packet }: NdpSighting): Passage[] {
  const { kind, sourceIp, destinationIp, targetIp, linkLayerAddress } = packet
  if (!outgoing)
    return kind === 'solicitation'
      ? [{ kind: 'question', timestampUs, mac: sourceMac, address: targetIp as IpAddress }]
      : []
  const mac = linkLayerAddress ?? sourceMac
  // A solicitation that leaves claims its own source: neighbours note it.
  const address = (kind === 'advertisement' ? targetIp : sourceIp) as IpAddress
  const answersProbe = kind === 'advertisement' && destinationIp === ALL_NODES
  return [{ kind: 'claim', timestampUs, mac, address, answersProbe }]
}
