import { addressBytes, familyOf, type IpAddress, ipv4Number } from '../../../model/address.ts'
import { LocatedAttributes } from '../attributes.ts'
import { encodeGenericBody, GENERIC_HEADER_BYTES } from '../generic-netlink.ts'
import { AF_INET, AF_INET6, type Attribute, swapped32, wordsOf } from '../wire.ts'

/** Numbers of include/uapi/linux/ip_vs.h: the family, its commands, and the attributes on their first level. */
export const FAMILY_NAME = 'IPVS'
const IPVS_GENL_VERSION = 1

export const IPVS_CMD_NEW_SERVICE = 1
export const IPVS_CMD_SET_SERVICE = 2
export const IPVS_CMD_DEL_SERVICE = 3
export const IPVS_CMD_GET_SERVICE = 4
export const IPVS_CMD_NEW_DEST = 5
export const IPVS_CMD_SET_DEST = 6
export const IPVS_CMD_DEL_DEST = 7
export const IPVS_CMD_GET_DEST = 8
export const IPVS_CMD_NEW_DAEMON = 9
export const IPVS_CMD_DEL_DAEMON = 10
export const IPVS_CMD_GET_DAEMON = 11
export const IPVS_CMD_SET_CONFIG = 12
export const IPVS_CMD_GET_CONFIG = 13
export const IPVS_CMD_GET_INFO = 15
export const IPVS_CMD_ZERO = 16
export const IPVS_CMD_FLUSH = 17

export const IPVS_CMD_ATTR_SERVICE = 1
export const IPVS_CMD_ATTR_DEST = 2
export const IPVS_CMD_ATTR_DAEMON = 3

/** union nf_inet_addr. */
export const ADDRESS_BYTES = 16

/** Likewise, from `start` on, where all is 0: of IPv4 the first word. Returns the address family's number. */
export function writeInetAddress(words: Uint32Array, start: number, address: IpAddress): number {
  if (familyOf(address) === 4) {
    words[start] = swapped32(ipv4Number(address))
    return AF_INET
  }
  words.set(new Uint32Array(addressBytes(address).buffer), start)
  return AF_INET6
}

export function encodeCommand(command: number, ...attributes: readonly Attribute[]): Buffer {
  return encodeGenericBody(command, IPVS_GENL_VERSION, ...attributes)
}

/** A command alone, in words of 32 bits, for what is written behind it word by word. */
export function commandWords(command: number): Uint32Array {
  return wordsOf(encodeCommand(command))
}

const answer = new LocatedAttributes()

/** Until the next one: decoding is never interrupted. */
export function locateAnswer(body: Buffer): LocatedAttributes {
  return answer.locate(body, GENERIC_HEADER_BYTES, body.length)
}
