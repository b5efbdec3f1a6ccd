import { familyOf } from '../../model/address.ts'
import { type IpvsTimeouts, type SyncDaemon, serviceFamily } from '../../model/ipvs.ts'
import { type Findings, type Imported, type ImportedCheck, type Place, warn } from './imported.ts'

/** Values as they are written; nothing of them is parsed again here. */
export type Plain = Record<string, unknown>

/** The longest time of our configuration: a day, so that no timer overflows. */
const MAX_SECONDS = 86_400
const MAX_COUNT = 100

/** `90s`; a time that is too long is written as a day, and told. */
export function seconds(value: number, what: string, at: Place, findings: Findings): string {
  return duration(value * 1000, what, at, findings)
}

function duration(milliseconds: number, what: string, at: Place, findings: Findings): string {
  if (milliseconds > MAX_SECONDS * 1000) {
    const message = `${what}, ${milliseconds / 1000} s, is longer than a day: a day is written`
    warn(findings, at, 'longer-than-a-day', message, 'nothing is to be done, unless clients stay away longer')
    return `${MAX_SECONDS}s`
  }
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`
}

export function expressTimeouts(
  { tcpSeconds, tcpFinSeconds, udpSeconds }: Partial<IpvsTimeouts>,
  at: Place,
  findings: Findings,
): Plain {
  const text = (value: number, what: string) => seconds(value, `the timeout of ${what}`, at, findings)
  const timeouts = {
    ...(tcpSeconds === undefined ? {} : { tcp: text(tcpSeconds, 'TCP') }),
    ...(tcpFinSeconds === undefined ? {} : { tcpFin: text(tcpFinSeconds, 'TCP after a FIN') }),
    ...(udpSeconds === undefined ? {} : { udp: text(udpSeconds, 'UDP') }),
  }
  return Object.keys(timeouts).length === 0 ? {} : { timeouts }
}

export function expressCheck(check: ImportedCheck, at: Place, findings: Findings): Plain {
  const { intervalMs, timeoutMs, rise, fall, type, ...asked } = check
  const count = (value: number, name: string): number => {
    if (value > MAX_COUNT)
      warn(
        findings,
        at,
        'check-count',
        `\`${name}\` is at most ${MAX_COUNT}, and this is ${value}`,
        'nothing is to be done',
      )
    return Math.min(value, MAX_COUNT)
  }
  return {
    type,
    ...asked,
    ...(intervalMs === undefined
      ? {}
      : { interval: duration(intervalMs, 'the interval of a check', at, findings) }),
    ...(timeoutMs === undefined
      ? {}
      : { timeout: duration(timeoutMs, 'the timeout of a check', at, findings) }),
    ...(rise === undefined ? {} : { rise: count(rise, 'rise') }),
    ...(fall === undefined ? {} : { fall: count(fall, 'fall') }),
  }
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
