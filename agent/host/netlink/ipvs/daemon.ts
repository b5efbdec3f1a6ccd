import { addressBytes, addressFromBytes, familyOf } from '../../../model/address.ts'
import type { SyncDaemon, SyncRole } from '../../../model/ipvs.ts'
import { LocatedAttributes } from '../attributes.ts'
import { type Attribute, nested, u8, u16 } from '../wire.ts'
import { IPVS_CMD_ATTR_DAEMON, locateAnswer } from './commands.ts'

/** Numbers of include/uapi/linux/ip_vs.h (IPVS_DAEMON_ATTR_*, IP_VS_STATE_*). */
const IPVS_DAEMON_ATTR_STATE = 1
const IPVS_DAEMON_ATTR_MCAST_IFN = 2
const IPVS_DAEMON_ATTR_SYNC_ID = 3
const IPVS_DAEMON_ATTR_SYNC_MAXLEN = 4
const IPVS_DAEMON_ATTR_MCAST_GROUP = 5
const IPVS_DAEMON_ATTR_MCAST_GROUP6 = 6
/** Unlike the ports of services, in the host's byte order. */
const IPVS_DAEMON_ATTR_MCAST_PORT = 7
const IPVS_DAEMON_ATTR_MCAST_TTL = 8
const STATES: Record<SyncRole, number> = { master: 1, backup: 2 }

export function encodeDaemonRole(role: SyncRole): Attribute {
  return nested(IPVS_CMD_ATTR_DAEMON, [IPVS_DAEMON_ATTR_STATE, STATES[role]])
}

export function encodeDaemon(daemon: SyncDaemon): Attribute {
  const { group, maxLength, port, ttl } = daemon
  const groupType =
    group === undefined || familyOf(group) === 4
      ? IPVS_DAEMON_ATTR_MCAST_GROUP
      : IPVS_DAEMON_ATTR_MCAST_GROUP6
  return nested(
    IPVS_CMD_ATTR_DAEMON,
    [IPVS_DAEMON_ATTR_STATE, STATES[daemon.role]],
    [IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interface],
    [IPVS_DAEMON_ATTR_SYNC_ID, daemon.syncId],
    [IPVS_DAEMON_ATTR_SYNC_MAXLEN, maxLength === undefined ? undefined : u16(maxLength)],
    [groupType, group === undefined ? undefined : addressBytes(group)],
    [IPVS_DAEMON_ATTR_MCAST_PORT, port === undefined ? undefined : u16(port)],
    [IPVS_DAEMON_ATTR_MCAST_TTL, ttl === undefined ? undefined : u8(ttl)],
  )
}

const located = new LocatedAttributes()

export function decodeDaemon(body: Buffer): Required<SyncDaemon> {
  const attributes = locateAnswer(body).within(IPVS_CMD_ATTR_DAEMON, located)
  return {
    role: attributes.u32(IPVS_DAEMON_ATTR_STATE) === STATES.backup ? 'backup' : 'master',
    interface: attributes.text(IPVS_DAEMON_ATTR_MCAST_IFN),
    syncId: attributes.u32(IPVS_DAEMON_ATTR_SYNC_ID),
    maxLength: attributes.u16(IPVS_DAEMON_ATTR_SYNC_MAXLEN),
    group: addressFromBytes(
      attributes.has(IPVS_DAEMON_ATTR_MCAST_GROUP6)
        ? attributes.bytes(IPVS_DAEMON_ATTR_MCAST_GROUP6, 16)
        : attributes.bytes(IPVS_DAEMON_ATTR_MCAST_GROUP, 4),
    ),
    port: attributes.u16(IPVS_DAEMON_ATTR_MCAST_PORT),
    ttl: attributes.u8(IPVS_DAEMON_ATTR_MCAST_TTL),
  }
}
