import type { IpAddress } from '../../model/address.ts'
import { encodeTcpSegment } from '../native.ts'

/** The first frame of a TCP connection, and the one that ends it before it is one. */

export interface Endpoints {
  sourceMac: string
  destinationMac: string
  sourceIp: IpAddress
  destinationIp: IpAddress
  sourcePort: number
  destinationPort: number
}

/** Any number does; a fixed one makes the reset that follows match. */
const SEQUENCE = 0x7273_0001

export function encodeSyn(endpoints: Endpoints): Buffer {
  return encodeTcpSegment({ ...endpoints, sequence: SEQUENCE, acknowledgement: 0, flags: 'syn' })
}

/** No half-open connection stays of the SYN. */
export function encodeReset(endpoints: Endpoints): Buffer {
  return encodeTcpSegment({ ...endpoints, sequence: SEQUENCE + 1, acknowledgement: 0, flags: 'rst' })
}
