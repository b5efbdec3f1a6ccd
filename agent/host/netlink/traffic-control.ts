import type { Link } from '../../model/network.ts'
import { type NetlinkRequest, NLM_F_CREATE, NLM_F_EXCL } from './connection.ts'
import { encodeMac, RTM_SETLINK } from './links.ts'
import { encodeBody, nested, zeroed } from './wire.ts'

/**
 * The requests that make whatever arrives on one device go on as if it had arrived on another: its
 * MAC, a clsact qdisc, and an ingress filter with the action "mirred ingress redirect". Numbers of
 * include/uapi/linux/{rtnetlink,pkt_sched,pkt_cls}.h and tc_act/tc_mirred.h.
 */
export function redirectArrivals(fromIndex: number, nic: Link): NetlinkRequest[] {
  return [
    // A frame for the NIC's MAC is judged where it arrives first: with another one it would be a stranger's.
    { type: RTM_SETLINK, flags: 0, body: encodeMac(fromIndex, nic.mac) },
    { type: RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL, body: clsact(fromIndex) },
    { type: RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL, body: redirectAll(fromIndex, nic.index) },
  ]
}

const RTM_NEWQDISC = 36
const RTM_NEWTFILTER = 44
const TCMSG_BYTES = 20
const TC_H_CLSACT = 0xffff_fff1
const CLSACT_HANDLE = 0xffff_0000
const TC_H_INGRESS = 0xffff_fff2
const TCA_KIND = 1
const TCA_OPTIONS = 2
const TCA_U32_SEL = 5
const TCA_U32_ACT = 7
const TC_U32_TERMINAL = 1
const TCA_ACT_KIND = 1
const TCA_ACT_OPTIONS = 2
const TCA_MIRRED_PARMS = 2
const TC_ACT_STOLEN = 4
const TCA_INGRESS_REDIR = 3
/** Priority 1, every protocol (ETH_P_ALL in network byte order). */
const FIRST_OF_EVERY_PROTOCOL = (1 << 16) | 0x0300

function clsact(linkIndex: number): Buffer {
  return encodeBody(tcMessage(linkIndex, { handle: CLSACT_HANDLE, parent: TC_H_CLSACT, info: 0 }), [
    TCA_KIND,
    'clsact',
  ])
}

function redirectAll(fromIndex: number, toIndex: number): Buffer {
  const firstAction = nested(
    1,
    [TCA_ACT_KIND, 'mirred'],
    nested(TCA_ACT_OPTIONS, [TCA_MIRRED_PARMS, mirred(toIndex)]),
  )
  return encodeBody(
    tcMessage(fromIndex, { handle: 0, parent: TC_H_INGRESS, info: FIRST_OF_EVERY_PROTOCOL }),
    [TCA_KIND, 'u32'],
    nested(TCA_OPTIONS, [TCA_U32_SEL, matchAll()], nested(TCA_U32_ACT, firstAction)),
  )
}

function tcMessage(
  linkIndex: number,
  { handle, parent, info }: { handle: number; parent: number; info: number },
): Buffer {
  const header = zeroed(TCMSG_BYTES)
  header.writeInt32LE(linkIndex, 4)
  header.writeUInt32LE(handle, 8)
  header.writeUInt32LE(parent, 12)
  header.writeUInt32LE(info, 16)
  return header
}

/** struct tc_u32_sel with one key whose mask is 0: it matches every frame. */
function matchAll(): Buffer {
  const selector = zeroed(16 + 16)
  selector.writeUInt8(TC_U32_TERMINAL, 0)
  selector.writeUInt8(1, 2)
  return selector
}

/** struct tc_mirred. */
function mirred(toIndex: number): Buffer {
  const parameters = zeroed(28)
  parameters.writeInt32LE(TC_ACT_STOLEN, 8)
  parameters.writeInt32LE(TCA_INGRESS_REDIR, 20)
  parameters.writeUInt32LE(toIndex, 24)
  return parameters
}
