import type { IpAddress } from '../../model/address.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { checkArpSysctl } from '../verify/arp-sysctl.ts'
import { checkVipBound } from '../verify/vip-bound.ts'
import type { KeepReport } from './report.ts'

/** What is bound and silent, of the host as it was found last. */
export function hostReport(
  wanted: WantedRealServer,
  found: FoundHost | undefined,
): Pick<KeepReport, 'vips' | 'nics'> {
  if (found === undefined) return { vips: [], nics: [] }
  return {
    vips: checkVipBound(wanted, found).map(({ subject, verdict, evidence }) => ({
      address: subject as IpAddress,
      bound: verdict === 'pass',
      evidence,
    })),
    nics: checkArpSysctl(wanted, found).map(({ subject, verdict, evidence }) => ({
      name: subject,
      silent: verdict === 'pass',
      evidence,
    })),
  }
}
