import { encodeNetfilterBody, NFGENMSG_BYTES, nfTablesType } from './nfnetlink.ts'
import type { ChainName } from './nft-rules.ts'
import { decodeAttributes, decodeList, nested, readCString, u32be } from './wire.ts'

/** Tables and chains of nf_tables. Numbers of linux/netfilter/nf_tables.h and linux/netfilter.h. */
export const NFT_MSG_NEWTABLE = nfTablesType(0)
export const NFT_MSG_GETTABLE = nfTablesType(1)
export const NFT_MSG_DELTABLE = nfTablesType(2)
export const NFT_MSG_NEWCHAIN = nfTablesType(3)
export const NFT_MSG_GETCHAIN = nfTablesType(4)
const NFTA_TABLE_NAME = 1
const NFTA_TABLE_FLAGS = 2
const NFT_TABLE_F_DORMANT = 0x1
/** Only the socket that made it changes the table, and the kernel removes it with that socket (Linux 5.12). */
export const NFT_TABLE_F_OWNER = 0x2
const NFTA_CHAIN_TABLE = 1
const NFTA_CHAIN_NAME = 3
const NFTA_CHAIN_HOOK = 4
const NFTA_CHAIN_POLICY = 5
const NFTA_CHAIN_USE = 6
const NFTA_CHAIN_TYPE = 7
const NFTA_HOOK_HOOKNUM = 1
const NFTA_HOOK_PRIORITY = 2
const NFTA_HOOK_DEV = 3
const NFTA_HOOK_DEVS = 4
export const NF_ACCEPT = 1

export interface Table {
  family: number
  name: string
  /** Its chains see no packet. */
  dormant: boolean
}

/** A chain that a hook of the network stack calls. */
export interface BaseChain extends ChainName {
  hook: number
  /** Of the netdev family (and inet's ingress): the devices whose packets it sees. */
  devices: string[]
  /** NF_DROP 0 or NF_ACCEPT 1. */
  policy: number
  ruleCount: number
}

export function encodeTable(family: number, name: string, flags: number): Buffer {
  return encodeNetfilterBody(family, [NFTA_TABLE_NAME, name], [NFTA_TABLE_FLAGS, u32be(flags)])
}

/** The body of NFT_MSG_DELTABLE. */
export function encodeTableName(family: number, name: string): Buffer {
  return encodeNetfilterBody(family, [NFTA_TABLE_NAME, name])
}

export function decodeTable(body: Buffer): Table {
  const attributes = decodeAttributes(body, NFGENMSG_BYTES)
  const name = attributes.get(NFTA_TABLE_NAME)
  const flags = attributes.get(NFTA_TABLE_FLAGS)?.readUInt32BE() ?? 0
  return {
    family: body.readUInt8(0),
    name: name === undefined ? '' : readCString(name),
    dormant: (flags & NFT_TABLE_F_DORMANT) !== 0,
  }
}

/** The body of NFT_MSG_NEWCHAIN: a filter that lets pass what its rules do not drop. */
export function encodeFilterChain(
  { family, table, chain }: ChainName,
  { hook, priority }: { hook: number; priority: number },
): Buffer {
  return encodeNetfilterBody(
    family,
    [NFTA_CHAIN_TABLE, table],
    [NFTA_CHAIN_NAME, chain],
    nested(NFTA_CHAIN_HOOK, [NFTA_HOOK_HOOKNUM, u32be(hook)], [NFTA_HOOK_PRIORITY, u32be(priority >>> 0)]),
    [NFTA_CHAIN_POLICY, u32be(NF_ACCEPT)],
    [NFTA_CHAIN_TYPE, 'filter'],
  )
}

/** The body of a dump of tables or chains: every family's (NFPROTO_UNSPEC) or one's. */
export function encodeFamilyDump(family: number): Buffer {
  return encodeNetfilterBody(family)
}

/** Returns null for a chain without a hook, which only other chains call. */
export function decodeBaseChain(body: Buffer): BaseChain | null {
  const attributes = decodeAttributes(body, NFGENMSG_BYTES)
  const hookAttributes = attributes.get(NFTA_CHAIN_HOOK)
  const table = attributes.get(NFTA_CHAIN_TABLE)
  const chain = attributes.get(NFTA_CHAIN_NAME)
  if (hookAttributes === undefined || table === undefined || chain === undefined) return null
  const hook = decodeAttributes(hookAttributes, 0)
  // One device stands in both places.
  const devices = hook.has(NFTA_HOOK_DEVS)
    ? decodeList(hook.get(NFTA_HOOK_DEVS))
    : [hook.get(NFTA_HOOK_DEV) ?? []].flat()
  return {
    family: body.readUInt8(0),
    table: readCString(table),
    chain: readCString(chain),
    hook: hook.get(NFTA_HOOK_HOOKNUM)?.readUInt32BE() ?? 0,
    devices: devices.map(readCString).sort(),
    policy: attributes.get(NFTA_CHAIN_POLICY)?.readUInt32BE() ?? NF_ACCEPT,
    ruleCount: attributes.get(NFTA_CHAIN_USE)?.readUInt32BE() ?? 0,
  }
}
