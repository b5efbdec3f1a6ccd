import { familyOf, type IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { encodeArpFrame, encodeUnsolicitedAdvertisement, FrameSender } from '../native.ts'
import { refusedAs } from './injection.ts'

const ARP_REQUEST = 1
const ARP_REPLY = 2
const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
const UNKNOWN_MAC = '00:00:00:00:00:00'

/**
 * Tells the segment, unasked, that the addresses belong to the NIC: routers and neighbours that noted another MAC
 * note this one. Throws NoVantage without CAP_NET_RAW, and for a NIC that is down or gone.
 */
export function announceOwner(nic: Link, addresses: readonly IpAddress[]): void {
  const sender = refusedAs('sending', () => new FrameSender(nic.index))
  try {
    for (const address of addresses)
      for (const frame of announcements(nic, address))
        refusedAs(`sending on ${nic.name}`, () => sender.send(frame))
  } finally {
    sender.close()
  }
}

function announcements({ mac }: Link, address: IpAddress): Buffer[] {
  if (familyOf(address) === 6) return [encodeUnsolicitedAdvertisement(mac, address)]
  // Of both forms: RFC 5227 asks for the request, and some switches and hosts only note a reply.
  return [ARP_REQUEST, ARP_REPLY].map(operation =>
    encodeArpFrame(BROADCAST_MAC, mac, {
      operation,
      senderMac: mac,
      senderIp: address,
      targetMac: operation === ARP_REQUEST ? UNKNOWN_MAC : BROADCAST_MAC,
      targetIp: address,
    }),
  )
}
