/**
 * Runs inside a namespace: the agent's netlink engine, packet filters included, spoken to by lines. A line `{"id": 1, "call": "edit",
 * "edits": […]}` is done when it comes, whatever else is under way; its answer is a line `{"id": 1, "value": …}`
 * or `{"id": 1, "error": {…}}`. Ends by itself after the last line, provided that the engine was closed.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { AgentError } from '../../agent/errors.ts'
import type { ArpRequestTrap } from '../../agent/host/arp-request-trap.ts'
import { tuneNetlinkSocket } from '../../agent/host/native.ts'
import { kernelNetfilter } from '../../agent/host/netfilter.ts'
import { NETLINK_ROUTE } from '../../agent/host/netlink/connection.ts'
import { type NetworkEdit, openNetwork } from '../../agent/host/netlink/network.ts'
import type { AddressFamily, IpAddress } from '../../agent/model/address.ts'
import type { RouteQuery } from '../../agent/model/network.ts'
import type { NetlinkSocketOptions } from '../../native/addon/index.d.ts'

export type EngineCall =
  | { call: 'links' | 'addresses' | 'routes' | 'neighbours' | 'close' | 'sockets' }
  | { call: 'lookUpRoute'; query: RouteQuery }
  | { call: 'rules'; family: AddressFamily }
  | { call: 'askNeighbour'; address: IpAddress; linkIndex: number }
  | { call: 'tcFilters'; linkIndex: number }
  | { call: 'layTrap'; target: IpAddress; senders: IpAddress[] }
  | { call: 'trapCounts' | 'removeTrap' | 'arpFilters' | 'packetFilters' }
  | { call: 'edit'; edits: NetworkEdit[] }
  | { call: 'tune'; options: NetlinkSocketOptions }

export interface EngineSocket {
  port: number
  /** Messages that found its receive buffer full. */
  drops: number
}

export interface EngineAnswer {
  id: number
  value?: unknown
  error?: Pick<AgentError, 'name' | 'code' | 'message' | 'hint'>
}

const network = openNetwork()
let trap: ArpRequestTrap | undefined
for await (const line of createInterface(process.stdin)) {
  const { id, ...call } = JSON.parse(line) as EngineCall & { id: number }
  // Not awaited: the next line may come before the answer to this one.
  answer(call).then(
    value => print({ id, value }),
    ({ name, code, message, hint }: AgentError) => print({ id, error: { name, code, message, hint } }),
  )
}

async function answer(call: EngineCall): Promise<unknown> {
  switch (call.call) {
    case 'lookUpRoute':
      return network.lookUpRoute(call.query)
    case 'rules':
      return network.rules(call.family)
    case 'askNeighbour':
      return network.askNeighbour(call.address, call.linkIndex)
    case 'tcFilters':
      return network.tcFilters(call.linkIndex)
    case 'layTrap':
      trap = await kernelNetfilter.openArpRequestTrap(call)
      return
    case 'trapCounts': {
      const counts = await trap?.counts()
      return counts && { ...counts, bySender: Object.fromEntries(counts.bySender) }
    }
    case 'removeTrap':
      return trap?.close()
    case 'arpFilters':
    case 'packetFilters':
      return kernelNetfilter[call.call]()
    case 'edit':
      return network.edit(call.edits)
    case 'tune':
      for (const { port } of engineSockets()) tuneNetlinkSocket(NETLINK_ROUTE, port, call.options)
      return
    case 'sockets':
      return engineSockets()
    default:
      return network[call.call]()
  }
}

/**
 * The engine's sockets, one or none, as /proc/net/netlink tells them: columns sk, Eth (the protocol), Pid (the port),
 * Groups, Rmem, Wmem, Dump, Locks, Drops. The library puts the process id into the lower 22 bits of the port.
 */
function engineSockets(): EngineSocket[] {
  const rows = readFileSync('/proc/self/net/netlink', 'utf8').split('\n').slice(1)
  return rows
    .map(row => row.trim().split(/\s+/).slice(1).map(Number))
    .filter(([protocol, port = 0]) => protocol === NETLINK_ROUTE && (port & 0x3f_ffff) === process.pid)
    .map(([, port = 0, , , , , , drops = 0]) => ({ port, drops }))
}

function print(answer: EngineAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
