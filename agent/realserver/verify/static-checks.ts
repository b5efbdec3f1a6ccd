import { checkArpSysctl } from './arp-sysctl.ts'
import { checkArpSysctlPersisted, readSysctlFiles } from './arp-sysctl-persisted.ts'
import type { Check, CheckId } from './check.ts'
import { checkVipBound } from './vip-bound.ts'
import { checkVipRoute } from './vip-route.ts'

/** What needs no waiting, asks nobody, and is imported by every apply: an observation of the host is enough. */
export const STATIC_CHECKS = {
  'vip-bound': (_, wanted, found) => checkVipBound(wanted, found),
  'vip-route': (_, wanted, found) => checkVipRoute(wanted, found),
  'arp-sysctl': (_, wanted, found) => checkArpSysctl(wanted, found),
  'arp-sysctl-persisted': (host, wanted, found) =>
    checkArpSysctlPersisted(wanted, found, readSysctlFiles(host)),
} satisfies Partial<Record<CheckId, Check>>
