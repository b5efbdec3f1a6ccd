import type { Link } from '../../model/network.ts'
import { NETLINK_ROUTE, NetlinkConnection } from './connection.ts'
import { decodeLink, encodeLinkDump, RTM_GETLINK } from './links.ts'

/** include/net/flow.h: lo is the first link of every network namespace. */
const LOOPBACK_IFINDEX = 1

/** What links are called, by what is heard of them. */
export interface LinkNames {
  /** `if7`, like openNetwork, for one that is not known. */
  of(index: number): string
  heard(link: Link): void
  gone(link: Link): void
  /** Asks the kernel for all of them; what is heard meanwhile is newer. Rejects when it does not answer. */
  learn(): Promise<void>
  close(): void
}

export function linkNames(): LinkNames {
  const connection = new NetlinkConnection(NETLINK_ROUTE)
  const names = new Map([[LOOPBACK_IFINDEX, 'lo']])
  /** Since the kernel was asked. */
  const heardOf = new Set<number>()
  let isLearning = false
  let isToLearnAgain = false

  async function learnOnce(): Promise<void> {
    heardOf.clear()
    const links = (await connection.dump(RTM_GETLINK, encodeLinkDump())).map(decodeLink)
    const found = new Map(links.map(({ index, name }) => [index, name]))
    for (const index of names.keys()) if (!heardOf.has(index) && !found.has(index)) names.delete(index)
    for (const [index, name] of found) if (!heardOf.has(index)) names.set(index, name)
  }

  return {
    of: index => names.get(index) ?? `if${index}`,
    heard({ index, name }) {
      heardOf.add(index)
      names.set(index, name)
    },
    gone({ index }) {
      heardOf.add(index)
      names.delete(index)
    },
    async learn() {
      isToLearnAgain = true
      if (isLearning) return
      isLearning = true
      try {
        while (isToLearnAgain) {
          isToLearnAgain = false
          await learnOnce()
        }
      } finally {
        isLearning = false
        heardOf.clear()
      }
    },
    close: () => connection.close(),
  }
}
