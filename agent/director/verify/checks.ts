import type { Repertoire } from '../../checks/selection.ts'
import { CHECK_IDS, type Check, type CheckId } from './check.ts'
import { checkArpAnnounce, checkSendRedirects, checkSyncDaemon, checkVipOnNic } from './host-checks.ts'
import { checkIpvsPool } from './ipvs-pool.ts'
import { checkRealServerArp } from './real-server-arp.ts'
import { checkRealServerPath } from './real-server-path.ts'

/** What an observation of the host is enough for: made after every apply. */
export const STATIC_CHECKS = {
  'ipvs-pool': (_, wanted, found) => checkIpvsPool(wanted, found),
  'vip-on-nic': (_, wanted, found) => checkVipOnNic(wanted, found),
  'send-redirects': (_, wanted, found) => checkSendRedirects(wanted, found),
  'arp-announce': (_, wanted, found) => checkArpAnnounce(wanted, found),
  'sync-daemon': (_, wanted, found) => checkSyncDaemon(wanted, found),
} satisfies Partial<Record<CheckId, Check>>

/** Every check. */
export const CHECKS = {
  ...STATIC_CHECKS,
  'real-server-arp': checkRealServerArp,
  'real-server-path': checkRealServerPath,
} satisfies Record<CheckId, Check>

export const REPERTOIRE: Repertoire<CheckId> = {
  ids: CHECK_IDS,
  onTheWire: new Set(['real-server-arp', 'real-server-path']),
}
