import { addressBytes, familyOf, type IpAddress } from '../../model/address.ts'
import { AF_INET, AF_INET6, encodeBody, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,neighbour}.h. */
export const RTM_DELNEIGH = 29
const NDA_DST = 1
const NDMSG_BYTES = 12

/** The body of RTM_DELNEIGH: the entry of one address on one link. */
export function encodeNeighbour(address: IpAddress, linkIndex: number): Buffer {
  const header = zeroed(NDMSG_BYTES)
  header.writeUInt8(familyOf(address) === 4 ? AF_INET : AF_INET6, 0)
  header.writeInt32LE(linkIndex, 4)
  return encodeBody(header, [NDA_DST, addressBytes(address)])
}
