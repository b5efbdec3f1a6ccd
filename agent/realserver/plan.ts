import type { RolePlan } from '../reconcile/converge.ts'
import type { FoundHost, Interest } from '../reconcile/found.ts'
import { tellOfShared } from '../reconcile/handover.ts'
import { needsOf, plan, tellOfLost } from '../reconcile/plan.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { keyOf } from '../reconcile/setting.ts'
import type { State } from '../reconcile/state.ts'
import type { Claim, Step } from '../reconcile/step.ts'
import { arpSysctlClaims, arpSysctlPaths, SYSCTL_FILE } from './arp-sysctl.ts'
import type { WantedRealServer } from './desired.ts'
import { leaveOutAudible, tellOfPrior, tellOfStep } from './left-out.ts'
import { tellOfMountsThatStay } from './nfs/nfs-mount.ts'
import { disableIpv6Path, hostRefusals, roleRefusals } from './refusal.ts'
import { servingClaims, servingInterest, servingRefusals, tellOfServing } from './serving.ts'
import { isRightlyBound, promotePath, vipAddressClaims, vipAddressRefusals } from './vip-address.ts'
import { vipRouteClaims, vipRouteRefusals } from './vip-route.ts'
import { keptCopies, tellOfEdits } from './written-by-us.ts'

export interface RealServerPlan extends RolePlan {
  /** Why the host cannot become what is wanted; nothing may be touched then. */
  refusals: Refusal[]
}

/** The steps that make the host the wanted real server; `director` is what it remembers of its other role. */
export function planRealServer(
  wanted: WantedRealServer,
  found: FoundHost,
  state: State,
  director: State,
): RealServerPlan {
  const refusals = [
    ...roleRefusals(wanted, director.vips),
    ...hostRefusals(wanted, found),
    ...vipAddressRefusals(wanted, found),
    ...vipRouteRefusals(wanted, found),
    ...servingRefusals(wanted, found, state),
  ]
  const claims = [
    ...arpSysctlClaims(wanted, found, state.priors),
    ...vipAddressClaims(wanted, found, state),
    ...vipRouteClaims(wanted, found),
    ...servingClaims(wanted, found, state),
  ]
  const vips = [...new Set([...state.vips, ...wanted.vips])]
  const steps = planWithCopies(claims, found, state, director)
  const kept = leaveOutAudible(steps, found, vips)
  const leftOut = [
    ...kept.leftOut,
    ...kept.steps.flatMap(tellOfStep),
    ...tellOfServing(wanted, found),
    ...tellOfMountsThatStay(wanted.nfs, found, state.priors),
    ...tellOfEdits(kept.steps, state.priors),
  ]
  return { refusals, ...kept, leftOut, needs: needsOf(claims) }
}

/** The steps that take the role off the host. */
export function planRemoval(found: FoundHost, state: State, director: State): RolePlan {
  const steps = planWithCopies(strayClaims(found, state), found, state, director)
  const kept = leaveOutAudible(steps, found, state.vips)
  const leftOut = [
    ...kept.leftOut,
    ...state.priors.flatMap(prior => tellOfPrior(prior, found)),
    ...tellOfLost(state.priors, found),
    ...tellOfShared(state, director, found, REAL_SERVER),
    ...tellOfMountsThatStay([], found, state.priors),
    ...tellOfEdits(kept.steps, state.priors),
  ]
  return { ...kept, leftOut, needs: [] }
}

/** First the copies of what somebody has changed by hand and the other steps take away. */
function planWithCopies(
  claims: readonly Claim[],
  found: FoundHost,
  { priors }: State,
  director: State,
): Step[] {
  const copies = keptCopies(plan(claims, priors, found, director), priors)
  return plan([...copies, ...claims], priors, found, director)
}

/** What a plan needs to see, or a removal, which wants nothing. */
export function interestOf(wanted: WantedRealServer | null, state: State): Interest {
  const priorPaths = state.priors.flatMap(prior => (prior.kind === 'sysctl' ? [prior.id.path] : []))
  const priorFiles = state.priors.flatMap(prior => (prior.kind === 'file' ? [prior.id.path] : []))
  const { files, ...serving } = servingInterest(wanted, state)
  return {
    ...serving,
    sysctls: links => [
      ...new Set([
        ...arpSysctlPaths(links),
        ...['all', ...links.map(link => link.name)].map(promotePath),
        disableIpv6Path,
        ...priorPaths,
      ]),
    ],
    files: [...new Set([SYSCTL_FILE, ...priorFiles, ...files])],
  }
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
    onRemove: 'forget',
  }))
}
