import { readFileSync } from 'node:fs'
import { AgentError, hasErrno } from '../../errors.ts'
import { NetlinkConnection } from './connection.ts'
import { isWithoutNfTables, NETLINK_NETFILTER } from './nfnetlink.ts'
import { TRAP_TABLE } from './nft-arp-trap.ts'
import {
  type BaseChain,
  decodeBaseChain,
  decodeTable,
  encodeFamilyDump,
  NF_ACCEPT,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETTABLE,
} from './nft-chains.ts'
import { isRefused } from './rejection.ts'

/** The families of linux/netfilter.h (NFPROTO_*) whose chains see packets, and the hooks of each by number. */
const INET_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress']
const FAMILIES: Record<number, { name: string; hooks: string[]; sees: ('ARP' | 'IP')[] }> = {
  1: { name: 'inet', hooks: INET_HOOKS, sees: ['IP'] },
  2: { name: 'ip', hooks: INET_HOOKS, sees: ['IP'] },
  3: { name: 'arp', hooks: ['input', 'output', 'forward'], sees: ['ARP'] },
  5: { name: 'netdev', hooks: ['ingress', 'egress'], sees: ['ARP', 'IP'] },
  7: { name: 'bridge', hooks: INET_HOOKS, sees: ['ARP', 'IP'] },
  10: { name: 'ip6', hooks: INET_HOOKS, sees: ['IP'] },
}
const EVERY_FAMILY = 0

/** The older filters' tables, each in a file that only root reads. */
const LEGACY = [
  { file: 'arp_tables_names', program: 'arptables', sees: 'ARP' },
  { file: 'ip_tables_names', program: 'iptables', sees: 'IP' },
  { file: 'ip6_tables_names', program: 'ip6tables', sees: 'IP' },
] as const

/**
 * What may drop such packets on this host, by name: nf_tables' base chains that have a rule or a policy to drop, and
 * the tables of the older programs, with or without rules. Empty means that there is none; without the right to
 * look it throws AgentError `missing-capability`. ebtables' own tables and BPF programs have no list to look at.
 */
export async function listPacketFilters(seeing: 'ARP' | 'IP'): Promise<string[]> {
  const chains = (await listBaseChains()).filter(
    chain => FAMILIES[chain.family]?.sees.includes(seeing) && isFilter(chain),
  )
  const tables = LEGACY.filter(({ sees }) => sees === seeing).flatMap(({ file, program }) =>
    linesOf(file).map(table => `${program} ${table}`),
  )
  return [...chains.map(chainText), ...tables]
}

async function listBaseChains(): Promise<BaseChain[]> {
  const connection = new NetlinkConnection(NETLINK_NETFILTER)
  try {
    const tables = (await connection.dump(NFT_MSG_GETTABLE, encodeFamilyDump(EVERY_FAMILY))).map(decodeTable)
    const bodies = await connection.dump(NFT_MSG_GETCHAIN, encodeFamilyDump(EVERY_FAMILY))
    const isDormant = ({ family, table }: BaseChain): boolean =>
      tables.some(each => each.dormant && each.family === family && each.name === table)
    return bodies
      .map(decodeBaseChain)
      .filter(chain => chain !== null)
      .filter(chain => !isDormant(chain))
  } catch (error) {
    // A kernel without nf_tables has no chains of it.
    if (isWithoutNfTables(error)) return []
    throw isRefused(error, 'EPERM') ? notAllowed(error) : error
  } finally {
    connection.close()
  }
}

/** Not a trap of an rs-agent, and not a chain that lets everything pass. */
function isFilter({ table, ruleCount, policy }: BaseChain): boolean {
  return !TRAP_TABLE.test(table) && (ruleCount > 0 || policy !== NF_ACCEPT)
}

/** `nft inet filter/input (hook input, policy drop)` */
function chainText({ family, table, chain, hook, devices, policy }: BaseChain): string {
  const { name, hooks } = FAMILIES[family] ?? { name: `family ${family}`, hooks: [] }
  const place = [hooks[hook] ?? hook, ...(devices.length === 0 ? [] : ['on', devices.join(', ')])].join(' ')
  return `nft ${name} ${table}/${chain} (hook ${place}, policy ${policy === NF_ACCEPT ? 'accept' : 'drop'})`
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(`/proc/self/net/${file}`, 'utf8').split('\n').filter(Boolean)
  } catch (error) {
    // A kernel without such tables.
    if (hasErrno(error, 'ENOENT')) return []
    throw hasErrno(error, 'EACCES', 'EPERM') ? notAllowed(error) : error
  }
}

function notAllowed(cause: unknown): AgentError {
  return new AgentError(
    'missing-capability',
    'cannot list packet filters: EPERM',
    'needs CAP_NET_ADMIN',
    cause,
  )
}
