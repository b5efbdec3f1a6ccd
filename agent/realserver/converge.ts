import { forgetVerify } from '../checks/last-verify.ts'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { converge, type Released, release, type Watching } from '../reconcile/converge.ts'
import { refuse } from '../reconcile/refusal.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import type { Step } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { vipInterlock } from './interlock.ts'
import { interestOf, planRealServer, planRemoval } from './plan.ts'
import type { CheckResult } from './verify/check.ts'
import { STATIC_CHECKS } from './verify/static-checks.ts'
import { runChecks } from './verify/verify.ts'

export interface Converged {
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
  let checks: CheckResult[] | undefined
  const { found, steps, notes } = await converge(
    host,
    {
      role: REAL_SERVER,
      vips: wanted.vips,
      interest: state => interestOf(wanted, state),
      plan(found, state, director) {
        const { refusals, ...planned } = planRealServer(wanted, found, state, director)
        refuse(config, refusals)
        return planned
      },
      interlock: vipInterlock,
      async prove(now) {
        // Not at the top: a run with nothing to do proves nothing on the wire.
        const { SILENCE_CHECKS } = await import('./verify/checks.ts')
        checks = await runChecks({ ...STATIC_CHECKS, ...SILENCE_CHECKS }, host, wanted, now)
        refuseAudible(checks)
      },
      // The last verify was of a host that is not there any more.
      tidy: () => forgetVerify(host.files, 'real server'),
    },
    watching,
  )
  return { steps, checks: checks ?? (await runChecks(STATIC_CHECKS, host, wanted, found)), notes }
}

/** Takes the role off the host: what was found before the first apply is put back. */
export function releaseRealServer(host: Host, watching: Watching): Promise<Released> {
  return release(
    host,
    {
      role: REAL_SERVER,
      interest: state => interestOf(null, state),
      plan: planRemoval,
      interlock: vipInterlock,
      tidy: () => forgetVerify(host.files, 'real server'),
    },
    watching,
  )
}

function refuseAudible(checks: readonly CheckResult[]): void {
  const leak = checks.find(check => check.id.endsWith('-silence') && check.verdict === 'fail')
  if (leak !== undefined)
    throw new AgentError(
      'failed',
      `${leak.subject}: ${leak.evidence}`,
      'the sysctls are right, yet the host answers: see `rs-agent verify`',
    )
}
