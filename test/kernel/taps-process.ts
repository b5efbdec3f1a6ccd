/**
 * Runs inside a namespace: one tap of the addon on a NIC, spoken to by lines. The NIC and the tap are given as JSON;
 * it prints `ready` when the tap watches. A line `{"id": 1, "call": "receive"}` is answered by a line `{"id": 1,
 * "value": …}` or `{"id": 1, "error": {…}}`. Ends when its stdin does.
 */
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type * as Addon from '../../native/addon/index.d.ts'
import type { ArpTapOptions, TcpTapOptions } from '../../native/addon/index.d.ts'

export type TapKind =
  | { kind: 'arp'; options: ArpTapOptions }
  | { kind: 'ndp' }
  | { kind: 'tcp'; options: TcpTapOptions }

export interface TapPlan {
  ifindex: number
  tap: TapKind
}

export type TapCall =
  | { call: 'receive'; timeoutMs: number }
  | { call: 'send'; frameBase64: string }
  | { call: 'provoke'; sourceIp: string; targetIp: string }

export interface TapAnswer {
  id: number
  value?: unknown
  error?: { code: string; message: string }
}

const addon: typeof Addon = createRequire(import.meta.url)('../../native/addon/rs-agent.node')
const { ifindex, tap: kind }: TapPlan = JSON.parse(process.argv[2] ?? '{}')
const tap = openTap()
const sender = new addon.FrameSender(ifindex)
process.stdout.write('ready\n')
for await (const line of createInterface(process.stdin)) {
  const { id, ...call } = JSON.parse(line) as TapCall & { id: number }
  print(
    await answer(call).then(
      value => ({ id, value }),
      ({ code, message }) => ({ id, error: { code, message } }),
    ),
  )
}

function openTap() {
  switch (kind.kind) {
    case 'arp':
      return new addon.ArpTap([ifindex], kind.options)
    case 'ndp':
      return new addon.NdpTap([ifindex])
    case 'tcp':
      return new addon.TcpTap([ifindex], kind.options)
    default:
      return kind satisfies never
  }
}

async function answer(call: TapCall): Promise<unknown> {
  switch (call.call) {
    case 'receive':
      return tap.receive(call.timeoutMs)
    case 'send':
      return sender.send(Buffer.from(call.frameBase64, 'base64'))
    case 'provoke':
      return addon.provokeArpRequest(ifindex, call.sourceIp, call.targetIp)
    default:
      return call satisfies never
  }
}

function print(answer: TapAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
