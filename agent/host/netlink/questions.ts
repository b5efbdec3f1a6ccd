import type { AddressFamily, IpAddress } from '../../model/address.ts'
import type { Neighbour, Rule } from '../../model/network.ts'
import { type NetlinkConnection, NLM_F_CREATE, NLM_F_EXCL } from './connection.ts'
import {
  decodeNeighbour,
  encodeNeighbourDump,
  encodeNeighbourUse,
  isFixed,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from './neighbours.ts'
import { isRefused } from './rejection.ts'
import { decodeRule, encodeRuleDump, RTM_GETRULE } from './rules.ts'

/** What only checks ask: a file of its own, which plan and apply do not load. */
export { listFilters } from './filters.ts'
export { lookUpRoute } from './route-lookup.ts'

export async function listNeighbours(
  connection: NetlinkConnection,
  linkName: (index: number) => string,
): Promise<Neighbour[]> {
  const neighbours: Neighbour[] = []
  for (const kind of ['learnt', 'proxy'] as const)
    for (const body of await connection.dump(RTM_GETNEIGH, encodeNeighbourDump(kind))) {
      const neighbour = decodeNeighbour(body, linkName)
      if (neighbour !== null) neighbours.push(neighbour)
    }
  return neighbours
}

/** An entry that somebody fixed is left alone: a permanent one would lose its MAC by this (Linux 5.10 to 7.3). */
export async function askNeighbour(
  connection: NetlinkConnection,
  address: IpAddress,
  linkIndex: number,
): Promise<void> {
  const body = encodeNeighbourUse(address, linkIndex)
  const use = (flags: number) => connection.change([{ type: RTM_NEWNEIGH, flags, body }])
  try {
    await use(NLM_F_CREATE | NLM_F_EXCL)
  } catch (error) {
    if (!isRefused(error, 'EEXIST')) throw error
    const known = await listNeighbours(connection, String)
    const entry = known.find(
      each => each.address === address && each.link === String(linkIndex) && !each.proxy,
    )
    if (entry === undefined || !isFixed(entry)) await use(NLM_F_CREATE)
  }
}

export async function listRules(connection: NetlinkConnection, family: AddressFamily): Promise<Rule[]> {
  return (await connection.dump(RTM_GETRULE, encodeRuleDump(family))).map(decodeRule)
}
