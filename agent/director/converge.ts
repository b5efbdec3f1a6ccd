import { forgetVerify } from '../checks/last-verify.ts'
import type { Config } from '../config/load.ts'
import type { Host } from '../host/host.ts'
import type { IpAddress } from '../model/address.ts'
import {
  converge,
  type Outcome,
  type Released,
  type RolePlan,
  release,
  type Watching,
} from '../reconcile/converge.ts'
import { type FoundHost, observeHost } from '../reconcile/found.ts'
import { recallOther } from '../reconcile/handover.ts'
import type { Interrupted } from '../reconcile/journal.ts'
import { recall } from '../reconcile/recall.ts'
import { refuse } from '../reconcile/refusal.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import type { State } from '../reconcile/state.ts'
import type { Step } from '../reconcile/step.ts'
import type { WantedDirector } from './desired.ts'
import { directorInterlock } from './interlock.ts'
import { tellOfNewSchedulers } from './ipvs-pool.ts'
import { loadModules, type MissingModule, missingModules } from './modules.ts'
import { interestOfDirector, planDirector, planDirectorRemoval } from './plan.ts'
import { forgetRotation } from './rotation.ts'
import { announce, announceAgain } from './taking.ts'
import type { CheckResult } from './verify/check.ts'
import { STATIC_CHECKS } from './verify/checks.ts'
import { runChecks } from './verify/verify.ts'

/** What the host still lacks of the wanted director. */
export interface DirectorDrift {
  modules: MissingModule[]
  steps: Step[]
  notes: string[]
  found: FoundHost
  state: State
  /** A run that is under way, or ended in the middle. */
  interrupted: Interrupted | null
}

/** Looks, and changes nothing; throws when the host cannot become what is wanted. */
export async function findDrift(host: Host, config: Config, wanted: WantedDirector): Promise<DirectorDrift> {
  const { state, interrupted } = recall(host.files, DIRECTOR)
  const found = await observeHost(host, interestOfDirector(wanted)(state))
  const { steps, leftOut } = planOrRefuse(config, wanted)(found, state, recallOther(host.files, DIRECTOR))
  const notes = [...leftOut, ...tellOfNewSchedulers(steps)]
  return { modules: missingModules(host.modules, wanted), steps, notes, found, state, interrupted }
}

export interface Converged extends Omit<Outcome, 'found'> {
  modules: MissingModule[]
  /** Those that an observation is enough for. */
  checks: CheckResult[]
}

/** Makes the host the wanted director; throws with everything as before when it cannot. */
export async function convergeDirector(
  host: Host,
  config: Config,
  wanted: WantedDirector,
  watching: Watching,
): Promise<Converged> {
  const modules = missingModules(host.modules, wanted)
  if (modules.length > 0) {
    // What the host refuses is told before anything is loaded, and loading brings sysctls that a plan must see.
    await findDrift(host, config, wanted)
    await loadModules(host.modules, modules)
  }
  let checks: CheckResult[] | undefined
  const told: string[] = []
  const { steps, found, notes } = await converge(
    host,
    {
      role: DIRECTOR,
      vips: wanted.vips.map(({ address }) => address),
      interest: interestOfDirector(wanted),
      plan: planOrRefuse(config, wanted),
      interlock: directorInterlock,
      async prove(now, steps) {
        told.push(...(await announceFrom(now, wanted.nic, steps.flatMap(takenBy), announce)))
        checks = await runChecks(STATIC_CHECKS, host, wanted, now)
      },
      tidy: () => forgetVerify(host.files, 'director'),
    },
    watching,
  )
  // Not before the run is committed: nobody shall wait for it with an open journal.
  const again = await announceFrom(found, wanted.nic, steps.flatMap(takenBy), announceAgain)
  checks ??= await runChecks(STATIC_CHECKS, host, wanted, found)
  return {
    steps,
    modules,
    checks,
    notes: [...new Set([...notes, ...tellOfNewSchedulers(steps), ...told, ...again])],
  }
}

/** Takes the role off the host: what was found before the first apply is put back. */
export function releaseDirector(host: Host, watching: Watching): Promise<Released> {
  return release(
    host,
    {
      role: DIRECTOR,
      interest: interestOfDirector(null),
      plan: planDirectorRemoval,
      interlock: directorInterlock,
      tidy: () => {
        forgetVerify(host.files, 'director')
        forgetRotation(host.files)
      },
    },
    watching,
  )
}

function planOrRefuse(
  config: Config,
  wanted: WantedDirector,
): (found: FoundHost, state: State, realServer: State) => RolePlan {
  return (found, state, realServer) => {
    const { refusals, ...planned } = planDirector(wanted, found, state, realServer)
    refuse(config, refusals)
    return planned
  }
}

function takenBy({ resource, change }: Step): IpAddress[] {
  return resource === 'vip-on-nic' && change.kind === 'address' && change.after !== null
    ? [change.id.address]
    : []
}

async function announceFrom(
  { links }: FoundHost,
  name: string,
  vips: readonly IpAddress[],
  tell: typeof announce,
): Promise<string[]> {
  const nic = links.find(link => link.name === name)
  return nic === undefined ? [] : tell(nic, vips)
}
