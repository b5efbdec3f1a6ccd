import type { NetworkChange } from '../../host/netlink/network-monitor.ts'
import type { IpAddress } from '../../model/address.ts'
import type { AddressForm, InterfaceAddress } from '../../model/network.ts'
import type { Change } from '../../reconcile/setting.ts'
import type { Step } from '../../reconcile/step.ts'
import { isRightlyBound, LOOPBACK } from '../vip-address.ts'
import { leadsToLoopback, vipRoute } from '../vip-route.ts'

/**
 * What one change of the network calls for at once, without a look at the rest of the host: a VIP that is not bound loses
 * its clients by the millisecond, and one on a NIC steals those of the whole site. A look at everything follows.
 */
export function reflexTo(change: NetworkChange, vips: ReadonlySet<IpAddress>): Step[] {
  switch (change.kind) {
    case 'address-gone':
      return isVip(change.address, vips) && isRightlyBound(change.address)
        ? [bind(change.address), sameRoute(change.address.address)]
        : []
    case 'address-added':
      return isVip(change.address, vips) && !isRightlyBound(change.address) ? [withdraw(change.address)] : []
    case 'route-gone': {
      const { destination, prefixLength, metric } = change.route
      if (!vips.has(destination) || !leadsToLoopback(change.route)) return []
      const { id } = vipRoute(destination)
      return id.prefixLength === prefixLength && id.metric === metric ? [newRoute(destination)] : []
    }
    case 'route-added':
    case 'link-changed':
    case 'link-gone':
      return []
    default:
      return change satisfies never
  }
}

/** Whether a look at everything has anything to find after the change; not for what this host's other addresses do. */
export function concerns(change: NetworkChange, vips: ReadonlySet<IpAddress>): boolean {
  switch (change.kind) {
    case 'address-gone':
    case 'address-added':
      // An address of a NIC decides whether it faces the segment.
      return change.address.link !== LOOPBACK || isVip(change.address, vips)
    case 'route-gone':
    case 'route-added':
      return vips.has(change.route.destination)
    case 'link-changed':
    case 'link-gone':
      return true
    default:
      return change satisfies never
  }
}

function isVip({ address }: InterfaceAddress, vips: ReadonlySet<IpAddress>): boolean {
  return vips.has(address)
}

/** As it was: with its label. */
function bind(gone: InterfaceAddress): Step {
  const { link, address, prefixLength } = gone
  return step('bind', 'vip-bound', {
    kind: 'address',
    id: { link, address, prefixLength },
    before: null,
    after: formOf(gone),
  })
}

function withdraw(stray: InterfaceAddress): Step {
  const { link, address, prefixLength } = stray
  return step(link === LOOPBACK ? 'unbind' : 'withdraw', 'vip-bound', {
    kind: 'address',
    id: { link, address, prefixLength },
    before: formOf(stray),
    after: null,
  })
}

/** It may have gone with the address, or not: it is replaced by itself then. */
function sameRoute(vip: IpAddress): Step {
  const { kind, id, value } = vipRoute(vip)
  // In the phase of the bind: right after it, and in one message to the kernel, which takes a third less time.
  return step('bind', 'vip-route', { kind, id, before: value, after: value })
}

/** Another one that is there meanwhile is none of ours to replace without a look. */
function newRoute(vip: IpAddress): Step {
  const { kind, id, value } = vipRoute(vip)
  return step('route', 'vip-route', { kind, id, before: null, after: value })
}

function step(phase: Step['phase'], resource: string, change: Change): Step {
  return { resource, phase, change, onRemove: 'forget' }
}

function formOf({ label, scope, flags, broadcast, peer, metric }: InterfaceAddress): AddressForm {
  return {
    ...(label === undefined ? {} : { label }),
    scope,
    flags,
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(peer === undefined ? {} : { peer }),
    ...(metric === undefined ? {} : { metric }),
  }
}
