import type { Link } from '../../model/network.ts'
import { decodeLink, isLinkItself, RTM_DELLINK, RTM_NEWLINK } from './links.ts'
import { subscribe } from './subscription.ts'

/** Some thousands of notifications, in bytes: a burst while this process is busy is not lost. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

export interface LinkMonitor {
  close(): void
}

export interface ToldOfLinks {
  changed(link: Link): void
  gone(link: Link): void
  /** Nothing will be heard any more. */
  failed(error: Error): void
}

/** Tells of every change of a link of this network namespace from now on. */
export function monitorLinks(told: ToldOfLinks): LinkMonitor {
  return subscribe(
    ['links'],
    {
      received(type, body) {
        if (!isLinkItself(body)) return
        if (type === RTM_NEWLINK) told.changed(decodeLink(body))
        if (type === RTM_DELLINK) told.gone(decodeLink(body))
      },
      failed: error => told.failed(error),
    },
    { receiveBufferBytes: RECEIVE_BUFFER_BYTES },
  )
}
