import type { Link } from '../../model/network.ts'
import { NETLINK_ROUTE } from './connection.ts'
import { decodeLink, RTM_DELLINK, RTM_NEWLINK } from './links.ts'
import { openSocket } from './socket.ts'

/** include/uapi/linux/rtnetlink.h */
const RTNLGRP_LINK = 1
/** include/linux/socket.h: what every link belongs to. */
const AF_UNSPEC = 0
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
  const socket = openSocket(
    NETLINK_ROUTE,
    {
      received(messages) {
        for (const { type, data } of messages) {
          // Of a bridge's: a port that leaves it is gone there, and stays a link (net/bridge/br_netlink.c).
          if (data[0] !== AF_UNSPEC) continue
          if (type === RTM_NEWLINK) told.changed(decodeLink(data))
          if (type === RTM_DELLINK) told.gone(decodeLink(data))
        }
      },
      failed(error) {
        socket.close()
        told.failed(error)
      },
    },
    { receiveBufferBytes: RECEIVE_BUFFER_BYTES },
  )
  try {
    socket.addMembership(RTNLGRP_LINK)
  } catch (error) {
    socket.close()
    throw error
  }
  return { close: () => socket.close() }
}
