import type { RouteForm } from '../../model/network.ts'
import { type FoundHost, lookupIn } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { LOOPBACK } from '../vip-address.ts'
import { leadsToLoopback, vipRoute } from '../vip-route.ts'
import type { CheckResult } from './check.ts'

/** The main table's host route of each VIP leads to lo. */
export function checkVipRoute(wanted: WantedRealServer, found: FoundHost): CheckResult[] {
  const current = lookupIn(found)
  return wanted.vips.map(vip => {
    const route = current(vipRoute(vip)) as RouteForm | null
    const result = { id: 'vip-route', subject: vip } as const
    if (leadsToLoopback(route))
      return {
        ...result,
        verdict: 'pass',
        evidence: `host route through ${LOOPBACK}, protocol ${route?.protocol}`,
        hint: '',
      }
    const evidence =
      route === null ? 'no host route in the main table' : `the host route leads ${describe(route)}`
    return {
      ...result,
      verdict: 'fail',
      evidence,
      hint: `rs-agent apply, or: ip route replace ${vip} dev ${LOOPBACK}`,
    }
  })
}

function describe({ link, gateway }: RouteForm): string {
  if (link === undefined) return 'nowhere'
  return gateway === undefined ? `to ${link}` : `to ${link} by ${gateway}`
}
