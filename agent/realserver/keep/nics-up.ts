import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { monitorLinks } from '../../host/netlink/link-monitor.ts'
import type { Link } from '../../model/network.ts'

/** Which NICs of a watch go down and come up again: nothing passes one that is down. */

export interface NicsTold {
  /** Every link of the host, as it is now. */
  link(link: Link): void
  noLink(link: Link): void
  up(nic: Link): void
  lost(nic: Link, how: 'down' | 'gone'): void
  /** The links are followed from now on. */
  seeing(): void
  blind(why: string): void
}

export interface FollowedNics {
  nics: readonly Link[]
  host: Pick<Host, 'network'>
  told: NicsTold
  signal: AbortSignal
}

/** Before the links are followed again. */
const RETRY_MS = 1_000

/** Until the signal ends it. Those that are down from the beginning are not told before they have been up. */
export async function followNics({ nics, host, told, signal }: FollowedNics): Promise<void> {
  const isUp = new Map(nics.map(({ index, up }) => [index, up]))
  const changed = (link: Link): void => {
    told.link(link)
    const before = isUp.get(link.index)
    if (before === undefined || before === link.up) return
    isUp.set(link.index, link.up)
    if (link.up) told.up(link)
    else told.lost(link, 'down')
  }
  const gone = (link: Link): void => {
    told.noLink(link)
    if (isUp.delete(link.index)) told.lost(link, 'gone')
  }
  while (!signal.aborted)
    try {
      const over = Promise.withResolvers<void>()
      // Its failure is looked at below; until then it must not count as nobody's.
      over.promise.catch(() => undefined)
      const end = (): void => over.resolve()
      const monitor = monitorLinks({ changed, gone, failed: over.reject })
      signal.addEventListener('abort', end)
      try {
        // After the subscription, so that nothing is missed between the two.
        for (const link of await host.network.links()) changed(link)
        told.seeing()
        if (!signal.aborted) await over.promise
      } finally {
        signal.removeEventListener('abort', end)
        monitor.close()
      }
    } catch (error) {
      if (signal.aborted) return
      told.blind(messageOf(error))
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
    }
}
