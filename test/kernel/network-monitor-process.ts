/** Runs inside a namespace: tells what its monitor hears; see spoken-process.ts. */
import { createInterface } from 'node:readline'
import {
  monitorNetwork,
  type NetworkChange,
  type NetworkMonitor,
} from '../../agent/host/netlink/network-monitor.ts'

export type MonitorCall =
  | {
      call: 'open'
      /** `count`: nothing is told, and `heard` answers how many there were. */
      mode: 'tell' | 'count'
      receiveBufferBytes?: number
    }
  | { call: 'heard' | 'takeLost' | 'close' }

export type MonitorTold = NetworkChange | { kind: 'failed'; message: string }

/** How many changes of addresses were heard, by the address. */
export type Heard = Record<string, number>

const heard: Heard = {}
let monitor: NetworkMonitor | undefined
for await (const line of createInterface(process.stdin)) {
  const { id, ...call } = JSON.parse(line) as MonitorCall & { id: number }
  print({ id, value: answer(call) ?? null })
}

function answer(call: MonitorCall): unknown {
  switch (call.call) {
    case 'open': {
      const changed = call.mode === 'tell' ? (told: NetworkChange) => print({ told }) : count
      const failed = ({ message }: Error) => print({ told: { kind: 'failed', message } })
      monitor = monitorNetwork({ changed, failed }, call)
      return
    }
    case 'heard':
      return heard
    default:
      return monitor?.[call.call]()
  }
}

function count(change: NetworkChange): void {
  if (!('address' in change)) return
  const { address } = change.address
  heard[address] = (heard[address] ?? 0) + 1
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
