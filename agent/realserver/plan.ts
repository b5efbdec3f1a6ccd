import { type FoundHost, type Interest, lookupIn } from '../reconcile/found.ts'
import { plan } from '../reconcile/plan.ts'
import { keyOf } from '../reconcile/setting.ts'
import type { State } from '../reconcile/state.ts'
import type { Claim } from '../reconcile/step.ts'
import { arpSysctlClaims, arpSysctlPaths, SYSCTL_FILE } from './arp-sysctl.ts'
import type { WantedRealServer } from './desired.ts'
import { type LeftOut, leaveOutAudible } from './left-out.ts'
import { arpNics } from './nics.ts'
import type { Refusal } from './refusal.ts'
import { isRightlyBound, LOOPBACK, promotePath, vipAddressClaims, vipAddressRefusals } from './vip-address.ts'
import { vipRouteClaims, vipRouteRefusals } from './vip-route.ts'

export interface RealServerPlan extends LeftOut {
  /** Why the host cannot become what is wanted; nothing may be touched then. */
  refusals: Refusal[]
}

/** The steps that make the host the wanted real server. */
export function planRealServer(wanted: WantedRealServer, found: FoundHost, state: State): RealServerPlan {
  const refusals = [
    ...nicRefusals(wanted, found),
    ...vipAddressRefusals(wanted, found),
    ...vipRouteRefusals(wanted, found),
  ]
  const claims = [
    ...arpSysctlClaims(wanted, found, state.priors),
    ...vipAddressClaims(wanted, found, state),
    ...vipRouteClaims(wanted, found),
  ]
  const vips = [...new Set([...state.vips, ...wanted.vips])]
  return { refusals, ...leaveOutAudible(plan(claims, state.priors, lookupIn(found)), found, vips) }
}

/** The steps that take the role off the host. */
export function planRemoval(found: FoundHost, state: State): LeftOut {
  return leaveOutAudible(plan(strayClaims(found, state), state.priors, lookupIn(found)), found, state.vips)
}

/** What a plan or a removal needs to see. */
export function interestOf(state: State): Interest {
  const priorPaths = state.priors.flatMap(prior => (prior.kind === 'sysctl' ? [prior.id.path] : []))
  const priorFiles = state.priors.flatMap(prior => (prior.kind === 'file' ? [prior.id.path] : []))
  return {
    sysctls: links => [
      ...new Set([
        ...arpSysctlPaths(links),
        ...['all', ...links.map(link => link.name)].map(promotePath),
        ...priorPaths,
      ]),
    ],
    files: [...new Set([SYSCTL_FILE, ...priorFiles])],
  }
}

function nicRefusals({ interfaces }: WantedRealServer, found: FoundHost): Refusal[] {
  const usable = arpNics(found.links).map(link => link.name)
  const names = interfaces === 'auto' ? [] : interfaces
  const refusals = names.flatMap((name, index): Refusal[] => {
    if (usable.includes(name)) return []
    const exists = found.links.some(link => link.name === name)
    return [
      {
        path: ['realServer', 'interfaces', index],
        why: exists
          ? `${name} cannot carry a VIP's traffic: it speaks no ARP or is a port of another interface`
          : `there is no interface ${name}`,
        hint: `this host has ${usable.join(', ') || 'no NIC that could'}`,
      },
    ]
  })
  const loopback = found.links.find(link => link.loopback)
  if (loopback?.up === true) return refusals
  return [
    {
      path: ['realServer', 'vips'],
      why: `${LOOPBACK} is down: no VIP can be bound to it`,
      hint: `ip link set ${LOOPBACK} up`,
    },
    ...refusals,
  ]
}

/** Copies of the VIP that appeared beside ours while it was managed: they go with it. */
function strayClaims(found: FoundHost, { vips, priors }: State): Claim[] {
  const hadBefore = new Set(priors.map(keyOf))
  const copies = found.addresses.filter(copy => {
    const { link, address, prefixLength } = copy
    const isOurs =
      vips.includes(address) &&
      !hadBefore.has(keyOf({ kind: 'address', id: { link, address, prefixLength } }))
    return isOurs && !isRightlyBound(copy)
  })
  return copies.map(({ link, address, prefixLength }) => ({
    resource: 'vip-bound',
    phase: 'withdraw',
    wanted: { kind: 'address', id: { link, address, prefixLength }, value: null },
    satisfied: false,
    keepFound: false,
  }))
}
