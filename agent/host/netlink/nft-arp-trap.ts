import { existsSync } from 'node:fs'
import { messageOf } from '../../errors.ts'
import { addressBytes, familyOf, type IpAddress } from '../../model/address.ts'
import { type ArpRequestTrap, NoTrap } from '../arp-request-trap.ts'
import { NetlinkConnection, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL } from './connection.ts'
import { isWithoutNfTables, NETLINK_NETFILTER, NF_TABLES_BATCH } from './nfnetlink.ts'
import {
  decodeTable,
  encodeFamilyDump,
  encodeFilterChain,
  encodeTable,
  encodeTableName,
  NFT_MSG_DELTABLE,
  NFT_MSG_GETTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWTABLE,
  NFT_TABLE_F_OWNER,
} from './nft-chains.ts'
import {
  decodeCount,
  encodeCountingDrop,
  encodeRulesDump,
  NFT_MSG_GETRULE,
  NFT_MSG_NEWRULE,
} from './nft-rules.ts'
import { isRefused } from './rejection.ts'

/** linux/netfilter.h, linux/netfilter_arp.h */
const NFPROTO_ARP = 3
const NF_ARP_OUT = 1
/** INT_MIN: what another rule drops first would not be counted. */
const BEFORE_EVERY_OTHER = -0x8000_0000
const CHAIN = { family: NFPROTO_ARP, table: `rs-agent-${process.pid}`, chain: 'output' }
/** The name of a trap's table: the process whose it is. */
export const TRAP_TABLE = /^rs-agent-(\d+)$/

/** The table has the name of the process: one trap at a time. */
let isLaid = false

/** Throws NoTrap where nf_tables refuses it. */
export async function openArpRequestTrap(wanted: {
  target: IpAddress
  senders: readonly IpAddress[]
}): Promise<ArpRequestTrap> {
  const { target } = wanted
  const senders = [...new Set(wanted.senders)]
  // What no request can hold would never be counted, and that be taken for silence.
  if ([target, ...senders].some(address => familyOf(address) !== 4))
    throw new Error('only IPv4 addresses are asked for by ARP')
  if (isLaid) throw new NoTrap('refused', 'this process has laid one already')
  isLaid = true
  const connection = new NetlinkConnection(NETLINK_NETFILTER)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= removeTable(connection, CHAIN.table).finally(() => {
      connection.close()
      isLaid = false
    })
    return closing
  }
  try {
    await removeLeftovers(connection)
    await makeTable(connection)
    await layRules(connection, target, senders)
  } catch (error) {
    // What refused the trap may refuse this as well, and is the error to tell.
    await close().catch(() => undefined)
    throw noTrap(error)
  }
  return { counts: () => readCounts(connection, senders), close }
}

/** Those of processes that are gone, and of one that had this one's id. The kernel keeps a table for its owner. */
async function removeLeftovers(connection: NetlinkConnection): Promise<void> {
  for (const body of await connection.dump(NFT_MSG_GETTABLE, encodeFamilyDump(NFPROTO_ARP))) {
    const { name } = decodeTable(body)
    const pid = Number(TRAP_TABLE.exec(name)?.[1])
    const isLeftover = pid === process.pid || (pid > 0 && !existsSync(`/proc/${pid}`))
    if (!isLeftover) continue
    await removeTable(connection, name).catch(error => {
      if (!isRefused(error, 'EPERM')) throw error
    })
  }
}

/** One that is gone already is no error. */
async function removeTable(connection: NetlinkConnection, name: string): Promise<void> {
  const request = { type: NFT_MSG_DELTABLE, flags: 0, body: encodeTableName(NFPROTO_ARP, name) }
  await connection.changeTogether(NF_TABLES_BATCH, [request]).catch(error => {
    if (!isRefused(error, 'ENOENT')) throw error
  })
}

async function makeTable(connection: NetlinkConnection): Promise<void> {
  const make = (tableFlags: number): Promise<void> =>
    connection.changeTogether(NF_TABLES_BATCH, [
      {
        type: NFT_MSG_NEWTABLE,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: encodeTable(NFPROTO_ARP, CHAIN.table, tableFlags),
      },
      {
        type: NFT_MSG_NEWCHAIN,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: encodeFilterChain(CHAIN, { hook: NF_ARP_OUT, priority: BEFORE_EVERY_OTHER }),
      },
    ])
  await make(NFT_TABLE_F_OWNER).catch(error => {
    // Before Linux 5.12 tables have no owner.
    if (!isRefused(error, 'EINVAL', 'ENOTSUP')) throw error
    return make(0)
  })
}

/** Where an ARP packet for IPv4 over Ethernet has them (RFC 826). */
const OPERATION_OFFSET = 6
const SENDER_IP_OFFSET = 14
const TARGET_IP_OFFSET = 24
const ARP_REQUEST = Uint8Array.of(0, 1)
/** A transaction is one send, and a rule takes some 500 bytes of it. */
const RULES_AT_ONCE = 128

/** One rule for each sender, and behind them one for the others. */
async function layRules(
  connection: NetlinkConnection,
  target: IpAddress,
  senders: readonly IpAddress[],
): Promise<void> {
  const matches = [
    { offset: OPERATION_OFFSET, bytes: ARP_REQUEST },
    { offset: TARGET_IP_OFFSET, bytes: addressBytes(target) },
  ]
  const rules = [
    ...senders.map(sender => [...matches, { offset: SENDER_IP_OFFSET, bytes: addressBytes(sender) }]),
    matches,
  ].map(matches => ({
    type: NFT_MSG_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_APPEND,
    body: encodeCountingDrop(CHAIN, matches),
  }))
  for (let start = 0; start < rules.length; start += RULES_AT_ONCE)
    await connection.changeTogether(NF_TABLES_BATCH, rules.slice(start, start + RULES_AT_ONCE))
}

async function readCounts(
  connection: NetlinkConnection,
  senders: readonly IpAddress[],
): ReturnType<ArpRequestTrap['counts']> {
  const bodies = await connection.dump(NFT_MSG_GETRULE, encodeRulesDump(CHAIN))
  const counts = bodies.map(decodeCount).filter(count => count !== null)
  const others = counts.pop()
  if (others === undefined || counts.length !== senders.length)
    throw new Error('somebody changed the rules of the trap')
  return { bySender: new Map(senders.map((sender, index) => [sender, counts[index] ?? 0])), others }
}

function noTrap(cause: unknown): NoTrap {
  if (isRefused(cause, 'EPERM'))
    return new NoTrap('missing-capability', 'CAP_NET_ADMIN is missing', { cause })
  const why = isWithoutNfTables(cause)
    ? 'the kernel has no nf_tables for ARP'
    : `nf_tables: ${messageOf(cause)}`
  return new NoTrap('refused', why, { cause })
}
