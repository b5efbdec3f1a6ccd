import { getSystemErrorName } from 'node:util'
import { align, decodeAttributes, readCString } from './wire.ts'

/** Flags of an NLMSG_ERROR that say what follows it (include/uapi/linux/netlink.h). */
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1
const HEADER_BYTES = 16
const ERRNO_BYTES = 4

/** The kernel's "no" to one netlink request. */
export class NetlinkRejection extends Error {
  override name = 'NetlinkRejection'
  /** Name of the errno, for example EEXIST. */
  readonly code: string

  /** `explanation` is the extended ACK's text, empty when the kernel gave none. */
  constructor(errno: number, explanation: string) {
    const code = getSystemErrorName(-errno)
    super(explanation === '' ? code : `${code} (${explanation})`)
    this.code = code
  }
}

/**
 * Requests of a batch that the kernel refused, by their index in the call; one of -1 is the batch as a whole. Of
 * rtnetlink the others up to the batch of these were done, of nfnetlink none.
 */
export class BatchRejection extends Error {
  override name = 'BatchRejection'
  readonly rejections: { index: number; cause: NetlinkRejection }[]

  constructor(rejections: { index: number; cause: NetlinkRejection }[]) {
    super(`${rejections.length} netlink request(s) refused: ${rejections[0]?.cause.message}`)
    this.rejections = rejections
  }
}

/** True when one request, or the first that was refused of a batch, was so with one of these errno names. */
export function isRefused(error: unknown, ...codes: string[]): boolean {
  const cause = error instanceof BatchRejection ? error.rejections[0]?.cause : error
  return cause instanceof NetlinkRejection && codes.includes(cause.code)
}

/** What one NLMSG_ERROR says: null for an ACK. */
export function parseRejection(body: Buffer, flags: number): NetlinkRejection | null {
  // Some dumps end without an errno.
  const errno = body.length < ERRNO_BYTES ? 0 : -body.readInt32LE(0)
  if (errno === 0) return null
  return new NetlinkRejection(errno, explanationIn(body, flags))
}

function explanationIn(body: Buffer, flags: number): string {
  if ((flags & NLM_F_ACK_TLVS) === 0) return ''
  // Without NLM_F_CAPPED the whole rejected request stands between the errno and the attributes.
  const requestBytes = (flags & NLM_F_CAPPED) === 0 ? body.readUInt32LE(ERRNO_BYTES) : HEADER_BYTES
  const text = decodeAttributes(body, ERRNO_BYTES + align(requestBytes)).get(NLMSGERR_ATTR_MSG)
  return text === undefined ? '' : readCString(text)
}
