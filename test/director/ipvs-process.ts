/**
 * Runs inside a namespace: the agent's IPVS, spoken to by lines. A line `{"id": 1, "call": "edit", "args": […]}` is
 * done when it comes, whatever else is under way; its answer is a line `{"id": 1, "value": …}` or `{"id": 1, "error":
 * {…}}`. Ends by itself after the last line, provided that the IPVS was closed.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { AgentError } from '../../agent/errors.ts'
import { type Ipvs, openIpvs } from '../../agent/host/ipvs.ts'
import { tuneNetlinkSocket } from '../../agent/host/native.ts'
import { NETLINK_GENERIC } from '../../agent/host/netlink/generic-netlink.ts'

export interface IpvsCall {
  /** `tuneReceiveBuffer` sets the size of the socket's, in bytes. */
  call: keyof Ipvs | 'tuneReceiveBuffer'
  args: unknown[]
}

export interface IpvsAnswer {
  id: number
  value?: unknown
  error?: Pick<AgentError, 'name' | 'code' | 'message' | 'hint'>
}

const ipvs = openIpvs()
for await (const line of createInterface(process.stdin)) {
  const { id, call, args } = JSON.parse(line) as IpvsCall & { id: number }
  // Not awaited: the next line may come before the answer to this one.
  answer(call, args).then(
    value => print({ id, value }),
    ({ name, code, message, hint }: AgentError) => print({ id, error: { name, code, message, hint } }),
  )
}

async function answer(call: IpvsCall['call'], args: unknown[]): Promise<unknown> {
  if (call === 'tuneReceiveBuffer') {
    for (const port of ownPorts())
      tuneNetlinkSocket(NETLINK_GENERIC, port, { receiveBufferBytes: Number(args[0]) })
    return
  }
  const method = (await ipvs)[call] as (...args: unknown[]) => unknown
  return method(...args)
}

/** Columns of /proc/net/netlink: sk, Eth (the protocol), Pid (the port), whose lower 22 bits are the process id. */
function ownPorts(): number[] {
  const rows = readFileSync('/proc/self/net/netlink', 'utf8').split('\n').slice(1)
  return rows
    .map(row => row.trim().split(/\s+/).slice(1).map(Number))
    .filter(([protocol, port = 0]) => protocol === NETLINK_GENERIC && (port & 0x3f_ffff) === process.pid)
    .map(([, port = 0]) => port)
}

function print(answer: IpvsAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
