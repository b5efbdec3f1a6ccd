import { familyOf, hostPrefixLength, type IpAddress } from '../model/address.ts'
import { type RouteForm, RTN_UNICAST } from '../model/network.ts'
import { type FoundHost, lookupIn } from '../reconcile/found.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import type { Setting } from '../reconcile/setting.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { vipPath } from './refusal.ts'
import { LOOPBACK } from './vip-address.ts'

/**
 * The host route `VIP dev lo` of the main table. The kernel delivers by its own entry in the local table;
 * this one is what `ip route` shows, and what keeps the VIP on this host should that entry be passed over.
 */

/** Our mark on routes: a protocol number that include/uapi/linux/rtnetlink.h and iproute2 leave free. */
const ROUTE_PROTOCOL = 76

const RT_SCOPE_UNIVERSE = 0
const RT_SCOPE_LINK = 253
/** IP6_RT_PRIO_USER: what the kernel gives a route without a metric of its own. */
const IPV6_METRIC = 1024

export function vipRouteClaims(wanted: WantedRealServer, found: FoundHost): Claim[] {
  const current = lookupIn(found)
  return wanted.vips.map(vip => {
    const route = vipRoute(vip)
    const present = current(route) as RouteForm | null
    if (wanted.drain === 'withdrawn')
      return {
        resource: 'vip-route',
        phase: 'unroute',
        wanted: { ...route, value: null },
        satisfied: present === null || !leadsToLoopback(present),
        onRemove: 'put-back',
      }
    return {
      resource: 'vip-route',
      phase: 'route',
      wanted: route,
      satisfied: leadsToLoopback(present),
      onRemove: 'put-back',
    }
  })
}

/** Host routes of others that cannot be put back as they were. */
export function vipRouteRefusals(wanted: WantedRealServer, found: FoundHost): Refusal[] {
  const current = lookupIn(found)
  return wanted.vips.flatMap((vip, index) => {
    const present = current(vipRoute(vip)) as RouteForm | null
    if (present?.complex !== true) return []
    const why = `there is a route to ${vip} with options (next hops, metrics, onlink, an encapsulation) that could not be put back`
    return [
      {
        path: vipPath(index),
        why,
        hint: `look at \`ip route show ${vip}\`; remove it yourself if nothing needs it`,
      },
    ]
  })
}

/** Where the VIP's route stands, and what it shall be. */
export function vipRoute(vip: IpAddress): Setting & { kind: 'route' } {
  const isIpv4 = familyOf(vip) === 4
  const value: RouteForm = {
    protocol: ROUTE_PROTOCOL,
    scope: isIpv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    type: RTN_UNICAST,
    link: LOOPBACK,
  }
  const id = { destination: vip, prefixLength: hostPrefixLength(vip), metric: isIpv4 ? 0 : IPV6_METRIC }
  return { kind: 'route', id, value }
}

export function leadsToLoopback(route: RouteForm | null): boolean {
  return (
    route !== null && route.type === RTN_UNICAST && route.link === LOOPBACK && route.gateway === undefined
  )
}
