import { hasErrno } from '../../errors.ts'
import type { NetlinkConnection } from './connection.ts'
import { isRefused } from './rejection.ts'
import { type Attribute, decodeAttributes, encodeBody, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{netlink,genetlink}.h. */
export const NETLINK_GENERIC = 16
/** struct genlmsghdr. */
export const GENERIC_HEADER_BYTES = 4
const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const CTRL_VERSION = 1
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2

/**
 * The message type that the kernel gave the family, or null when it has no such family. It lasts as long as the
 * module: loaded again, the family gets another.
 */
export async function findFamily(connection: NetlinkConnection, name: string): Promise<number | null> {
  const request = encodeGenericBody(CTRL_CMD_GETFAMILY, CTRL_VERSION, [CTRL_ATTR_FAMILY_NAME, name])
  try {
    const answer = await connection.query(GENL_ID_CTRL, request)
    return decodeAttributes(answer, GENERIC_HEADER_BYTES).get(CTRL_ATTR_FAMILY_ID)?.readUInt16LE(0) ?? null
  } catch (error) {
    if (isRefused(error, 'ENOENT') || hasErrno(error, 'EPROTONOSUPPORT')) return null
    throw error
  }
}

export function encodeGenericBody(
  command: number,
  version: number,
  ...attributes: readonly Attribute[]
): Buffer {
  const header = zeroed(GENERIC_HEADER_BYTES)
  header.writeUInt8(command, 0)
  header.writeUInt8(version, 1)
  return encodeBody(header, ...attributes)
}
