import { MAX_WAIT_SECONDS } from '../../config/values.ts'
import { familyOf } from '../../model/address.ts'
import { type IpvsTimeouts, type SyncDaemon, serviceFamily } from '../../model/ipvs.ts'
import { type Findings, type Imported, type Place, warn } from './imported.ts'

/** Values as they are written; nothing of them is parsed again here. */
export type Plain = Record<string, unknown>

/** `90s`, of a time that IPVS waits. */
export function seconds(value: number): string {
  return `${value}s`
}

/** `90s` or `500ms`; a time that is too long is written as a day, and told. */
export function duration(milliseconds: number, what: string, at: Place, findings: Findings): string {
  if (milliseconds > MAX_WAIT_SECONDS * 1000) {
    const message = `${what}, ${milliseconds / 1000} s, is longer than a day: a day is written`
    warn(findings, at, 'longer-than-a-day', message, 'nothing is to be done')
    return `${MAX_WAIT_SECONDS}s`
  }
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`
}

export function expressTimeouts({ tcpSeconds, tcpFinSeconds, udpSeconds }: Partial<IpvsTimeouts>): Plain {
  const timeouts = {
    ...(tcpSeconds === undefined ? {} : { tcp: seconds(tcpSeconds) }),
    ...(tcpFinSeconds === undefined ? {} : { tcpFin: seconds(tcpFinSeconds) }),
    ...(udpSeconds === undefined ? {} : { udp: seconds(udpSeconds) }),
  }
  return Object.keys(timeouts).length === 0 ? {} : { timeouts }
}

/** One at most, and none beside real servers of the other family: the kernel starts none then. */
export function expressDaemon({ daemons, services }: Imported, findings: Findings): Plain | null {
  const [first, ...others] = daemons
  if (first === undefined) return null
  for (const { at, daemon } of others)
    warn(
      findings,
      at,
      'two-sync-daemons',
      `a ${daemon.role} beside a ${first.daemon.role}: only one is written`,
      'start the other by hand: `ipvsadm --start-daemon`',
    )
  const { at, daemon } = first
  const isMixed = services.some(({ service, realServers }) =>
    realServers.some(({ destination }) => familyOf(destination.address) !== serviceFamily(service.key)),
  )
  const isNic =
    /^[^\s/]{1,15}$/.test(daemon.interface) && !['.', '..', 'all', 'default', 'lo'].includes(daemon.interface)
  if (isMixed || !isNic) {
    const why = isMixed
      ? 'there are real servers of the other address family'
      : `${daemon.interface} is no NIC`
    warn(
      findings,
      at,
      'no-sync-daemon',
      `the sync daemon is left out: ${why}`,
      'write `syncDaemon` when that is mended',
    )
    return null
  }
  const { role, interface: nic, syncId, group, port, ttl } = daemon
  return {
    role,
    interface: nic,
    id: syncId,
    ...(group === undefined ? {} : { group }),
    ...(port === undefined ? {} : { port }),
    ...(ttl === undefined ? {} : { ttl }),
    ...maxLengthOf(daemon, at, findings),
  }
}

/** The kernel takes other lengths for the nearest of these (ip_vs_sync.c, start_sync_thread). */
function maxLengthOf({ role, maxLength, group }: SyncDaemon, at: Place, findings: Findings): Plain {
  if (maxLength === undefined) return {}
  const lowest = role === 'backup' ? 1024 : 1
  const highest = group !== undefined && familyOf(group) === 6 ? 65_487 : 65_507
  const kept = Math.min(highest, Math.max(lowest, maxLength))
  if (kept !== maxLength)
    warn(
      findings,
      at,
      'sync-max-length',
      `the kernel takes ${maxLength} for ${kept}, which is written`,
      'nothing is to be done',
    )
  return { maxLength: kept }
}
