import { hasErrno } from '../../errors.ts'
import type { BatchEnvelope } from './connection.ts'
import { isRefused } from './rejection.ts'
import { type Attribute, encodeBody, zeroed } from './wire.ts'

/**
 * What netfilter's netlink messages have in common. Numbers of include/uapi/linux/netlink.h and
 * linux/netfilter/{nfnetlink,nf_tables}.h. Unlike rtnetlink's their numbers are in network byte order.
 */
export const NETLINK_NETFILTER = 12
const NFNL_SUBSYS_NFTABLES = 10
const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17
export const NFGENMSG_BYTES = 4
const NFPROTO_UNSPEC = 0

/** Makes the requests between them one transaction of nf_tables. */
export const NF_TABLES_BATCH: BatchEnvelope = {
  begin: { type: NFNL_MSG_BATCH_BEGIN, flags: 0, body: encodeHeader(NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES) },
  end: { type: NFNL_MSG_BATCH_END, flags: 0, body: encodeHeader(NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES) },
}

/** The message type of one of nf_tables' commands (NFT_MSG_*). */
export function nfTablesType(command: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | command
}

export function encodeNetfilterBody(family: number, ...attributes: readonly Attribute[]): Buffer {
  return encodeBody(encodeHeader(family, 0), ...attributes)
}

/**
 * The kernel has no nf_tables, or not for that family: said of the socket where there is no netfilter netlink at all,
 * else of the request. Node's name for EOPNOTSUPP is ENOTSUP.
 */
export function isWithoutNfTables(error: unknown): boolean {
  return hasErrno(error, 'EPROTONOSUPPORT') || isRefused(error, 'ENOTSUP')
}

/** struct nfgenmsg. */
function encodeHeader(family: number, resource: number): Buffer {
  const header = zeroed(NFGENMSG_BYTES)
  header.writeUInt8(family, 0)
  header.writeUInt16BE(resource, 2)
  return header
}
