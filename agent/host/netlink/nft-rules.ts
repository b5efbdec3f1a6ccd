import { encodeNetfilterBody, NFGENMSG_BYTES, nfTablesType } from './nfnetlink.ts'
import { type Attribute, decodeAttributes, decodeList, nested, readCString, u32be } from './wire.ts'

/** Rules of nf_tables, as far as it takes to match bytes, to count and to drop. Numbers of linux/netfilter/nf_tables.h. */
export const NFT_MSG_NEWRULE = nfTablesType(6)
export const NFT_MSG_GETRULE = nfTablesType(7)
const NFTA_RULE_TABLE = 1
const NFTA_RULE_CHAIN = 2
const NFTA_RULE_EXPRESSIONS = 4
const NFTA_LIST_ELEM = 1
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
const NFTA_DATA_VALUE = 1
const NFTA_DATA_VERDICT = 2
const NFTA_VERDICT_CODE = 1
const NFTA_PAYLOAD_DREG = 1
const NFTA_PAYLOAD_BASE = 2
const NFTA_PAYLOAD_OFFSET = 3
const NFTA_PAYLOAD_LEN = 4
const NFT_PAYLOAD_NETWORK_HEADER = 1
const NFTA_CMP_SREG = 1
const NFTA_CMP_OP = 2
const NFTA_CMP_DATA = 3
const NFT_CMP_EQ = 0
const NFTA_IMMEDIATE_DREG = 1
const NFTA_IMMEDIATE_DATA = 2
const NFTA_COUNTER_PACKETS = 2
const NFT_REG_VERDICT = 0
const NFT_REG_1 = 1
/** linux/netfilter.h */
const NF_DROP = 0

/** Bytes of the packet from an offset into its network header on. */
export interface Match {
  offset: number
  bytes: Uint8Array
}

/** A chain of a table, of one of the families of linux/netfilter.h (NFPROTO_*). */
export interface ChainName {
  family: number
  table: string
  chain: string
}

/** The body of NFT_MSG_NEWRULE: counts and drops what meets every match. */
export function encodeCountingDrop({ family, table, chain }: ChainName, matches: readonly Match[]): Buffer {
  return encodeNetfilterBody(
    family,
    [NFTA_RULE_TABLE, table],
    [NFTA_RULE_CHAIN, chain],
    nested(NFTA_RULE_EXPRESSIONS, ...matches.flatMap(match), expression('counter'), drop()),
  )
}

function match({ offset, bytes }: Match): Attribute[] {
  return [
    expression(
      'payload',
      [NFTA_PAYLOAD_DREG, u32be(NFT_REG_1)],
      [NFTA_PAYLOAD_BASE, u32be(NFT_PAYLOAD_NETWORK_HEADER)],
      [NFTA_PAYLOAD_OFFSET, u32be(offset)],
      [NFTA_PAYLOAD_LEN, u32be(bytes.length)],
    ),
    expression(
      'cmp',
      [NFTA_CMP_SREG, u32be(NFT_REG_1)],
      [NFTA_CMP_OP, u32be(NFT_CMP_EQ)],
      nested(NFTA_CMP_DATA, [NFTA_DATA_VALUE, bytes]),
    ),
  ]
}

function drop(): Attribute {
  const verdict = nested(NFTA_DATA_VERDICT, [NFTA_VERDICT_CODE, u32be(NF_DROP)])
  return expression(
    'immediate',
    [NFTA_IMMEDIATE_DREG, u32be(NFT_REG_VERDICT)],
    nested(NFTA_IMMEDIATE_DATA, verdict),
  )
}

function expression(name: string, ...data: readonly Attribute[]): Attribute {
  return nested(NFTA_LIST_ELEM, [NFTA_EXPR_NAME, name], nested(NFTA_EXPR_DATA, ...data))
}

/** The body of a dump of NFT_MSG_GETRULE: the rules of one chain, in their order. */
export function encodeRulesDump({ family, table, chain }: ChainName): Buffer {
  return encodeNetfilterBody(family, [NFTA_RULE_TABLE, table], [NFTA_RULE_CHAIN, chain])
}

/** Packets that the first counter of a rule has seen; null for a rule without one. */
export function decodeCount(body: Buffer): number | null {
  const expressions = decodeAttributes(body, NFGENMSG_BYTES).get(NFTA_RULE_EXPRESSIONS)
  for (const each of decodeList(expressions)) {
    const { [NFTA_EXPR_NAME]: name, [NFTA_EXPR_DATA]: data } = Object.fromEntries(decodeAttributes(each, 0))
    if (name === undefined || data === undefined || readCString(name) !== 'counter') continue
    const packets = decodeAttributes(data, 0).get(NFTA_COUNTER_PACKETS)
    if (packets !== undefined) return Number(packets.readBigUInt64BE())
  }
  return null
}
