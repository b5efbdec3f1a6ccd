import type { IpAddress } from '../model/address.ts'
import { ARP_SYSCTLS, isQuiet } from '../model/arp.ts'
import { type FoundHost, type Interest, lookupIn } from '../reconcile/found.ts'
import { plan } from '../reconcile/plan.ts'
import { keyOf } from '../reconcile/setting.ts'
import type { State } from '../reconcile/state.ts'
import type { Claim, Step } from '../reconcile/step.ts'
import { arpSysctlClaims, arpSysctlPaths, effectiveOn, SYSCTL_FILE } from './arp-sysctl.ts'
import type { WantedRealServer } from './desired.ts'
import { arpNics } from './nics.ts'
import type { Refusal } from './refusal.ts'
import { isRightlyBound, LOOPBACK, promotePath, vipAddressClaims, vipAddressRefusals } from './vip-address.ts'
import { vipRouteClaims, vipRouteRefusals } from './vip-route.ts'

/** The steps that make the host the wanted real server, or why it cannot be. */
export function planRealServer(
  wanted: WantedRealServer,
  found: FoundHost,
  state: State,
): { steps: Step[]; refusals: Refusal[] } {
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
  return { refusals, steps: plan(claims, state.priors, lookupIn(found)) }
}

/** The steps that take the role off the host, and what is not put back because it would be audible. */
export function planRemoval(found: FoundHost, state: State): { steps: Step[]; leftOut: string[] } {
  const steps = plan(strayClaims(found, state), state.priors, lookupIn(found))
  const audible = isAudibleAfter(steps, found)
  const audibleVips = (step: Step): boolean =>
    step.phase === 'put-back' && step.change.kind === 'address' && state.vips.includes(step.change.id.address)
  const staying = boundAfter(steps, found, state.vips)
  const leftOut = !audible
    ? []
    : steps.filter(step => audibleVips(step) || (staying.length > 0 && keepsQuiet(step)))
  return {
    steps: steps.filter(step => !leftOut.includes(step)),
    leftOut: leftOut.map(step => describeLeftOut(step, staying)),
  }
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

function isAudibleAfter(steps: readonly Step[], found: FoundHost): boolean {
  const sysctls = { ...found.sysctls }
  for (const { change } of steps)
    if (change.kind === 'sysctl' && change.after !== null) sysctls[change.id.path] = change.after
  return arpNics(found.links).some(({ name }) =>
    ARP_SYSCTLS.some(sysctl => {
      const effective = effectiveOn(name, sysctl, sysctls)
      return effective === null || !isQuiet(sysctl, effective)
    }),
  )
}

/** VIPs that somebody else bound to lo before the first apply: they are not ours to unbind. */
function boundAfter(steps: readonly Step[], found: FoundHost, vips: readonly IpAddress[]): IpAddress[] {
  const unbound = new Set(steps.filter(step => step.change.after === null).map(step => keyOf(step.change)))
  const staying = found.addresses.filter(({ link, address, prefixLength }) => {
    const id = { link, address, prefixLength }
    return vips.includes(address) && !unbound.has(keyOf({ kind: 'address', id }))
  })
  return staying.map(({ address }) => address)
}

function keepsQuiet({ phase }: Step): boolean {
  return phase === 'restore' || phase === 'forget'
}

function describeLeftOut({ change }: Step, staying: readonly IpAddress[]): string {
  if (change.kind === 'address')
    return `${change.id.address}/${change.id.prefixLength} on ${change.id.link} is not put back: with the prior sysctls it would answer ARP`
  const what = change.kind === 'sysctl' || change.kind === 'file' ? change.id.path : keyOf(change)
  return `${what} stays as it is: ${staying.join(', ')} was bound before the first apply, stays bound, and would answer ARP`
}
