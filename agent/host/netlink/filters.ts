import type { NetlinkConnection } from './connection.ts'
import { decodeAttributes, readCString, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,pkt_sched}.h. */
const RTM_GETQDISC = 38
const RTM_GETTFILTER = 46
const TCMSG_BYTES = 20
const TCA_KIND = 1
/** The parent of the qdisc that has a link's filters of packets which pass no queue. */
const TC_H_CLSACT = 0xffff_fff1
/** The lists of each kind of it, by TC_H_MIN_INGRESS and TC_H_MIN_EGRESS; `ingress` gives its one list for both. */
const INGRESS = ['ingress', 0xffff_fff2] as const
const EGRESS = ['egress', 0xffff_fff3] as const
const LISTS = { clsact: [INGRESS, EGRESS], ingress: [INGRESS] }

/** What filters a link's packets before and after the network stack, like `ingress bpf`, each kind once. */
export async function listFilters(connection: NetlinkConnection, linkIndex: number): Promise<string[]> {
  const qdiscs = await connection.dump(RTM_GETQDISC, encodeTcMessage(linkIndex, 0))
  const ofLink = qdiscs.find(
    body => body.readInt32LE(4) === linkIndex && body.readUInt32LE(12) === TC_H_CLSACT,
  )
  const lists = ofLink === undefined ? [] : (LISTS[decodeKind(ofLink) as keyof typeof LISTS] ?? [])
  const found = new Set<string>()
  for (const [direction, parent] of lists)
    for (const body of await connection.dump(RTM_GETTFILTER, encodeTcMessage(linkIndex, parent)))
      found.add(`${direction} ${decodeKind(body)}`)
  return [...found]
}

/** struct tcmsg. */
function encodeTcMessage(linkIndex: number, parent: number): Buffer {
  const header = zeroed(TCMSG_BYTES)
  header.writeInt32LE(linkIndex, 4)
  header.writeUInt32LE(parent, 12)
  return header
}

/** Of a qdisc or a filter: `clsact`, `bpf`, `u32`, … */
function decodeKind(body: Buffer): string {
  const kind = decodeAttributes(body, TCMSG_BYTES).get(TCA_KIND)
  return kind === undefined ? '' : readCString(kind)
}
