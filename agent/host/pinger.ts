import { randomInt } from 'node:crypto'
import { messageOf } from '../errors.ts'
import type { AddressFamily, IpAddress } from '../model/address.ts'
import { EchoSocket } from './native.ts'

/** Asks hosts by ICMP echo, all of one family through one socket. */
export interface Pinger {
  /** Asks once. Returns what ends the waiting. Throws when the request cannot be sent. */
  ask(address: IpAddress, told: Told): () => void
  close(): void
}

export interface Told {
  answered(): void
  /** The socket broke: nothing will be heard of anybody. */
  broke(why: string): void
}

const SEQUENCES = 0x1_0000
/** Any time does: a wait that ends is begun again. */
const WAIT_MS = 60_000

/** Throws EPERM without CAP_NET_RAW. */
export function openPinger(family: AddressFamily): Pinger {
  const socket = new EchoSocket(family, randomInt(SEQUENCES))
  const waiting = new Map<number, Told & { address: IpAddress }>()
  let last = randomInt(SEQUENCES)
  let isClosed = false
  let broken: string | null = null

  async function listen(): Promise<void> {
    while (!isClosed)
      for (const { address, sequence } of await socket.receive(WAIT_MS)) {
        const asked = waiting.get(sequence)
        if (asked?.address === address) asked.answered()
      }
  }
  listen().catch(error => {
    broken = messageOf(error)
    for (const { broke } of [...waiting.values()]) broke(broken)
  })

  return {
    ask(address, told) {
      if (broken !== null) told.broke(broken)
      if (waiting.size === SEQUENCES) throw new Error('all sequence numbers are waiting for an answer')
      do last = (last + 1) % SEQUENCES
      while (waiting.has(last))
      const sequence = last
      socket.send(address, sequence)
      waiting.set(sequence, { ...told, address })
      return () => waiting.delete(sequence)
    },
    close() {
      isClosed = true
      socket.close()
    },
  }
}
