import type { IpvsInfo, IpvsTimeouts } from '../../../model/ipvs.ts'
import type { Attribute } from '../wire.ts'
import { locateAnswer } from './commands.ts'

/** Numbers of include/uapi/linux/ip_vs.h (IPVS_CMD_ATTR_TIMEOUT_*, IPVS_INFO_ATTR_*). */
const IPVS_CMD_ATTR_TIMEOUT_TCP = 4
const IPVS_CMD_ATTR_TIMEOUT_TCP_FIN = 5
const IPVS_CMD_ATTR_TIMEOUT_UDP = 6
const IPVS_INFO_ATTR_VERSION = 1
const IPVS_INFO_ATTR_CONN_TAB_SIZE = 2

export function encodeTimeouts(timeouts: Partial<IpvsTimeouts>): Attribute[] {
  return [
    [IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcpSeconds],
    [IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcpFinSeconds],
    [IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udpSeconds],
  ]
}

export function decodeTimeouts(body: Buffer): IpvsTimeouts {
  const attributes = locateAnswer(body)
  return {
    tcpSeconds: attributes.u32(IPVS_CMD_ATTR_TIMEOUT_TCP),
    tcpFinSeconds: attributes.u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN),
    udpSeconds: attributes.u32(IPVS_CMD_ATTR_TIMEOUT_UDP),
  }
}

export function decodeInfo(body: Buffer): IpvsInfo {
  const attributes = locateAnswer(body)
  const version = attributes.u32(IPVS_INFO_ATTR_VERSION)
  return {
    // NVERSION: one byte each.
    version: [version >> 16, version >> 8, version].map(part => part & 0xff).join('.'),
    connectionTableSize: attributes.u32(IPVS_INFO_ATTR_CONN_TAB_SIZE),
  }
}
