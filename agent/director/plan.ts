import type { RolePlan } from '../reconcile/converge.ts'
import type { FoundHost, Interest } from '../reconcile/found.ts'
import { tellOfShared } from '../reconcile/handover.ts'
import { needsOf, plan, tellOfLost } from '../reconcile/plan.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import type { State } from '../reconcile/state.ts'
import type { WantedDirector } from './desired.ts'
import { poolClaims, strayClaims } from './ipvs-pool.ts'
import { MODULES_FILE, moduleClaims } from './modules.ts'
import { syncDaemonClaims } from './sync-daemon.ts'
import { possibleSysctls, SYSCTL_FILE, sysctlClaims } from './sysctl.ts'
import { timeoutClaims } from './timeouts.ts'
import { vipClaims, vipRefusals } from './vip-on-nic.ts'

export interface DirectorPlan extends RolePlan {
  /** Why the host cannot become what is wanted; nothing may be touched then. */
  refusals: Refusal[]
}

/** The steps that make the host the wanted director; `realServer` is what it remembers of its other role. */
export function planDirector(
  wanted: WantedDirector,
  found: FoundHost,
  state: State,
  realServer: State,
): DirectorPlan {
  const claims = [
    ...sysctlClaims(wanted, found),
    ...moduleClaims(wanted, found),
    ...timeoutClaims(wanted, found),
    ...poolClaims(wanted, found, state.priors),
    ...syncDaemonClaims(wanted, found),
    ...vipClaims(wanted, found),
  ]
  const refusals = [...nicRefusals(wanted, found), ...vipRefusals(wanted, found, state, realServer)]
  const steps = plan(claims, state.priors, found, realServer)
  return { refusals, steps, leftOut: [], staying: [], needs: needsOf(claims) }
}

/** The steps that take the role off the host. */
export function planDirectorRemoval(found: FoundHost, state: State, realServer: State): RolePlan {
  const strays = strayClaims(found.ipvs?.pools ?? [], state.priors)
  const steps = plan(strays, state.priors, found, realServer)
  const leftOut = [...tellOfLost(state.priors, found), ...tellOfShared(state, realServer, found, DIRECTOR)]
  return { steps, leftOut, staying: [], needs: [] }
}

/** What a plan needs to see; a removal sees what the state remembers. */
export function interestOfDirector(wanted: WantedDirector | null): (state: State) => Interest {
  return ({ priors }) => ({
    sysctls: links => [
      ...new Set([
        ...(wanted === null ? [] : possibleSysctls(wanted, links)),
        ...priors.flatMap(prior => (prior.kind === 'sysctl' ? [prior.id.path] : [])),
      ]),
    ],
    files: [
      ...new Set([
        SYSCTL_FILE,
        MODULES_FILE,
        ...priors.flatMap(prior => (prior.kind === 'file' ? [prior.id.path] : [])),
      ]),
    ],
    ipvs: true,
  })
}

function nicRefusals({ nic, syncDaemon }: WantedDirector, { links }: FoundHost): Refusal[] {
  const names = links.filter(link => !link.loopback).map(link => link.name)
  const hint = `this host has ${names.join(', ') || 'no NIC'}`
  const asked = [
    { name: nic, path: ['director', 'interface'] },
    ...(syncDaemon === null
      ? []
      : [{ name: syncDaemon.interface, path: ['director', 'syncDaemon', 'interface'] }]),
  ]
  return asked
    .filter(({ name }) => !names.includes(name))
    .map(({ name, path }) => ({ path, why: `there is no interface ${name}`, hint }))
}
