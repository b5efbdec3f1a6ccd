/**
 * Runs inside a namespace: undoes one setting of the host again and again, and prints how long it took each time until
 * somebody had put it right, in milliseconds; null where nobody did in time. Its argument is a Trial in JSON.
 */
import { openSync, readSync, watch, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeAddress, encodeAddress, RTM_DELADDR, RTM_NEWADDR } from '../../agent/host/netlink/addresses.ts'
import { NETLINK_ROUTE } from '../../agent/host/netlink/connection.ts'
import { encodeMessages, openSocket } from '../../agent/host/netlink/socket.ts'
import { subscribe } from '../../agent/host/netlink/subscription.ts'
import type { IpAddress } from '../../agent/model/address.ts'

export interface Trial {
  undo:
    | { what: 'address' /** On lo, with a prefix of 32. */; address: IpAddress }
    | { what: 'sysctl'; file: string; wanted: string; unwanted: string }
  rounds: number
  /** After it was put right. */
  pauseMs: number
  patienceMs: number
}

/** One way to undo something, and to hear that it was put right. */
interface Undoing {
  undo(): void
  close(): void
}

const LOOPBACK_IFINDEX = 1

const { undo, rounds, pauseMs, patienceMs }: Trial = JSON.parse(process.argv[2] ?? '')
let repaired: () => void = () => undefined
const undoing = undo.what === 'address' ? undoAddress(undo.address) : undoSysctl(undo)
const tookMs: (number | null)[] = []
for (let round = 0; round < rounds; round++) {
  // Never in step with what looks at the host now and then.
  await sleep(pauseMs * (1 + Math.random() / 4))
  tookMs.push(await timeRepair())
}
undoing.close()
process.stdout.write(JSON.stringify(tookMs))

async function timeRepair(): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const startedAt = performance.now()
  repaired = () => resolve(performance.now() - startedAt)
  const timer = setTimeout(() => resolve(null), patienceMs)
  undoing.undo()
  const took = await promise
  clearTimeout(timer)
  return took
}

function undoAddress(address: IpAddress): Undoing {
  const heard = {
    received(type: number, body: Buffer) {
      if (type === RTM_NEWADDR && decodeAddress(body, String)?.address === address) repaired()
    },
    failed(error: Error) {
      throw error
    },
  }
  const subscription = subscribe(['addresses'], heard, { receiveBufferBytes: 1024 * 1024 })
  const socket = openSocket(NETLINK_ROUTE, { received: () => undefined, failed: heard.failed })
  const form = { link: 'lo', address, prefixLength: 32, scope: 0, flags: 0 }
  const body = encodeAddress(form, LOOPBACK_IFINDEX)
  const message = encodeMessages([{ type: RTM_DELADDR, flags: 0, body }], 1, socket.address().port)
  return {
    undo: () => socket.send(message),
    close() {
      subscription.close()
      socket.close()
    },
  }
}

function undoSysctl({ file, wanted, unwanted }: Trial['undo'] & { what: 'sysctl' }): Undoing {
  const descriptor = openSync(file, 'r')
  const buffer = Buffer.alloc(16)
  const read = () => buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, buffer.length, 0)).trim()
  const watcher = watch(file, () => {
    if (read() === wanted) repaired()
  })
  return { undo: () => writeFileSync(file, unwanted), close: () => watcher.close() }
}
