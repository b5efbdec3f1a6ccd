import { forgetVerify } from '../checks/last-verify.ts'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { converge, type Released, type RolePlan, release, type Watching } from '../reconcile/converge.ts'
import { type FoundHost, observeHost } from '../reconcile/found.ts'
import { recallOther } from '../reconcile/handover.ts'
import type { Interrupted } from '../reconcile/journal.ts'
import { recall } from '../reconcile/recall.ts'
import { refuse } from '../reconcile/refusal.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { NOTHING_MANAGED, readState, type State } from '../reconcile/state.ts'
import type { Step } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { readDrain, writeDrain } from './drain/drain-flag.ts'
import { vipInterlock } from './interlock.ts'
import {
  finishInstallation,
  installPackages,
  missingPackages,
  purgePackages,
  tellOfInstallation,
} from './packages.ts'
import { interestOf, planRealServer, planRemoval } from './plan.ts'
import { refuseAudible } from './refuse-audible.ts'
import type { CheckResult } from './verify/check.ts'
import { STATIC_CHECKS } from './verify/static-checks.ts'
import { runChecks } from './verify/verify.ts'

export interface Converged {
  /** Names of those that were installed. */
  packages: string[]
  steps: Step[]
  /** The quick checks: with the proof on the wire after a change, without it when there was none. */
  checks: CheckResult[]
  /** What the user should know beside. */
  notes: string[]
}

/** Makes the host the wanted real server; throws with everything as before when it cannot. */
export async function convergeRealServer(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  watching: Watching,
): Promise<Converged> {
  const finished = await finishInstallation(host, watching)
  const packages = await missingPackages(host, wanted)
  if (packages.length > 0) {
    // What the host refuses is told before anything is installed, and packages bring files that a plan must see.
    await findDrift(host, config, wanted)
    await installPackages(host, packages, watching)
  }
  let checks: CheckResult[] | undefined
  const { found, steps, notes } = await converging(packages, () =>
    converge(
      host,
      {
        role: REAL_SERVER,
        vips: wanted.vips,
        interest: state => interestOf(wanted, state),
        plan: planOrRefuse(config, wanted),
        interlock: vipInterlock,
        async prove(now) {
          // Not at the top: a run with nothing to do proves nothing on the wire.
          const { SERVING_CHECKS, SILENCE_CHECKS } = await import('./verify/checks.ts')
          const serves = wanted.httpd !== null || wanted.nfs.length > 0
          const serving = serves ? SERVING_CHECKS : {}
          checks = await runChecks({ ...STATIC_CHECKS, ...SILENCE_CHECKS, ...serving }, host, wanted, now)
          refuseAudible(checks)
        },
        // The last verify was of a host that is not there any more.
        tidy: () => forgetVerify(host.files, 'real server'),
      },
      watching,
    ),
  )
  checks ??= await runChecks(STATIC_CHECKS, host, wanted, found)
  return { packages, steps, checks, notes: [...finished, ...notes] }
}

/** A failure after packages were installed says that they stay. */
async function converging<T>(packages: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (packages.length === 0 || !(error instanceof AgentError)) throw error
    const { code, message, hint } = error
    throw new AgentError(code, `${message}; packages stay installed: ${packages.join(', ')}`, hint, error)
  }
}

/** What the host still lacks of the wanted real server. */
export interface RealServerDrift {
  packages: string[]
  steps: Step[]
  notes: string[]
  found: FoundHost
  state: State
  /** A run that is under way, or ended in the middle. */
  interrupted: Interrupted | null
}

/** Looks, and changes nothing; throws when the host cannot become what is wanted. */
export async function findDrift(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
): Promise<RealServerDrift> {
  const { state, interrupted } = recall(host.files, REAL_SERVER)
  const packages = await missingPackages(host, wanted)
  const found = await observeHost(host, interestOf(wanted, state))
  const { steps, leftOut } = planOrRefuse(config, wanted)(found, state, recallOther(host.files, REAL_SERVER))
  return { packages, steps, notes: [...leftOut, ...tellOfInstallation(host)], found, state, interrupted }
}

function planOrRefuse(
  config: Config,
  wanted: WantedRealServer,
): (found: FoundHost, state: State, director: State) => RolePlan {
  return (found, state, director) => {
    const { refusals, ...planned } = planRealServer(wanted, found, state, director)
    refuse(config, refusals)
    return planned
  }
}

/** Takes the role off the host: what was found before the first apply is put back. */
export async function releaseRealServer(
  host: Host,
  watching: Watching,
  { packages: fate }: { packages: 'keep' | 'purge' },
): Promise<Released & { purged: string[] }> {
  const released = await release(
    host,
    {
      role: REAL_SERVER,
      interest: state => interestOf(null, state),
      plan: planRemoval,
      interlock: vipInterlock,
      remember: ({ packages }) => (packages.length === 0 ? null : { ...NOTHING_MANAGED, packages }),
      tidy: () => forgetVerify(host.files, 'real server'),
    },
    watching,
  )
  // Last: the role is off then, whatever the package tool says.
  const notes = [...released.notes, ...forgetDrain(host), ...(await finishInstallation(host, watching))]
  const { packages } = readState(host.files, REAL_SERVER)
  if (packages.length === 0) return { ...released, notes, purged: [] }
  if (fate === 'keep') {
    const note = `packages stay installed: ${packages.join(', ')}; \`rs-agent remove --purge\` takes them off`
    return { ...released, notes: [...notes, note], purged: [] }
  }
  const purged = await purgePackages(host, packages, watching)
  return { ...released, notes: [...notes, ...purged.notes], purged: purged.gone }
}

/** The next role of this host begins in rotation. */
function forgetDrain({ files }: Host): string[] {
  if (readDrain(files) === 'in rotation') return []
  writeDrain(files, 'in rotation', new Date())
  return ['this host was drained: that has gone with the role']
}
