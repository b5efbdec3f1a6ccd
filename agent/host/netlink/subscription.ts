import { readFileSync } from 'node:fs'
import { NETLINK_ROUTE } from './connection.ts'
import { openSocket } from './socket.ts'

/** RTNLGRP_* of include/uapi/linux/rtnetlink.h, for IPv4 and IPv6. Routes are those of every table. */
const GROUPS = {
  links: [1],
  addresses: [5, 9],
  routes: [7, 11],
} as const

export type Topic = keyof typeof GROUPS

export interface Heard {
  /** One message: RTM_* and what stands behind its header. */
  received(type: number, body: Buffer): void
  /** Nothing will be heard any more. */
  failed(error: Error): void
}

export interface Subscription {
  /**
   * How many messages found the receive buffer full since the last call. Where nobody can tell, that is one: whoever
   * hears of any looks at everything anew.
   */
  takeLost(): number
  close(): void
}

/**
 * Hears of every change of these topics in this network namespace from now on. A burst for which there is no room in
 * the receive buffer, of so many bytes, is lost in part, and ends nothing. Throws when there is no socket to be had.
 */
export function subscribe(
  topics: readonly Topic[],
  heard: Heard,
  { receiveBufferBytes }: { receiveBufferBytes: number },
): Subscription {
  let isOpen = true
  let drops = 0
  const close = (): void => {
    if (isOpen) socket.close()
    isOpen = false
  }
  const socket = openSocket(
    NETLINK_ROUTE,
    {
      received(messages) {
        for (const { type, data } of messages) if (isOpen) heard.received(type, data)
      },
      failed(error) {
        if (!isOpen) return
        close()
        heard.failed(error)
      },
    },
    { receiveBufferBytes },
  )
  const { port } = socket.address()
  try {
    for (const topic of topics) for (const group of GROUPS[topic]) socket.addMembership(group)
  } catch (error) {
    close()
    throw error
  }
  return {
    takeLost() {
      const before = drops
      const now = dropsOf(port)
      if (now === null) return 1
      drops = now
      return now - before
    },
    close,
  }
}

/**
 * How many messages the socket has lost, as net/netlink/af_netlink.c prints it: columns sk, Eth (the protocol), Pid
 * (the port), Groups, Rmem, Wmem, Dump, Locks, Drops. Null when it is not told.
 */
function dropsOf(port: number): number | null {
  const row = netlinkSockets().find(
    columns => Number(columns[1]) === NETLINK_ROUTE && Number(columns[2]) === port,
  )
  return row === undefined ? null : Number(row[8])
}

function netlinkSockets(): string[][] {
  try {
    const [, ...rows] = readFileSync('/proc/self/net/netlink', 'utf8').split('\n')
    return rows.map(row => row.split(/\s+/))
  } catch {
    return []
  }
}
