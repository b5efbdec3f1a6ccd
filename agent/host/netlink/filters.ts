import { decodeAttributes, readCString, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,pkt_sched}.h. */
export const RTM_GETTFILTER = 46
const TCMSG_BYTES = 20
const TCA_KIND = 1
/** The two filter lists of a clsact qdisc; the older ingress qdisc has the first of them. */
export const FILTER_LISTS = [
  ['ingress', 0xffff_fff2],
  ['egress', 0xffff_fff3],
] as const

export function encodeFilterDump(linkIndex: number, parent: number): Buffer {
  const header = zeroed(TCMSG_BYTES)
  header.writeInt32LE(linkIndex, 4)
  header.writeUInt32LE(parent, 12)
  return header
}

/** `bpf`, `u32`, `flower`, … */
export function decodeFilterKind(body: Buffer): string {
  const kind = decodeAttributes(body, TCMSG_BYTES).get(TCA_KIND)
  return kind === undefined ? 'unknown' : readCString(kind)
}
