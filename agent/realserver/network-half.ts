import type { Config } from '../config/load.ts'
import type { Host } from '../host/host.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import { converge, isNoted, type Watching } from '../reconcile/converge.ts'
import { type FoundHost, observeHost } from '../reconcile/found.ts'
import { recallOther } from '../reconcile/handover.ts'
import type { Interrupted } from '../reconcile/journal.ts'
import { recall } from '../reconcile/recall.ts'
import { refuse } from '../reconcile/refusal.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import type { State } from '../reconcile/state.ts'
import type { Step } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { vipInterlock } from './interlock.ts'
import { interestOf, planRealServer } from './plan.ts'
import { refuseAudible } from './refuse-audible.ts'

/**
 * Silence, VIPs and their routes: what the director's packets need, and what costs milliseconds to look at. The other
 * half, which serves pages, is left as it is: it needs programs that take seconds.
 */
const RESOURCES: ReadonlySet<string> = new Set([
  'arp-sysctl',
  'arp-sysctl-persisted',
  'vip-bound',
  'vip-route',
])

export interface NetworkDrift {
  steps: Step[]
  /** Kernel parameters that the role needs as they are. */
  needs: SysctlPath[]
  /** What the user should know beside. */
  notes: string[]
  found: FoundHost
  state: State
  /** Whether the state names the VIPs and parameters that the role holds now. */
  isNoted: boolean
  interrupted: Interrupted | null
}

/** Steps that are left alone for now. */
export type Except = (step: Step) => boolean

/** Looks, and changes nothing; throws when the host cannot become what is wanted. */
export async function findNetworkDrift(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  except: Except,
): Promise<NetworkDrift> {
  const { state, interrupted } = recall(host.files, REAL_SERVER)
  const found = await observeHost(host, interestOf(networkOf(wanted), ofNetwork(state)))
  const { steps, leftOut, needs, staying } = planner(config, wanted, except)(
    found,
    state,
    recallOther(host.files, REAL_SERVER),
  )
  const holds = { vips: [...new Set([...wanted.vips, ...staying])], needs }
  return { steps, needs, notes: leftOut, found, state, isNoted: isNoted(state, holds), interrupted }
}

/** Makes the network of the host as wanted; throws with everything as before when it cannot. */
export async function convergeNetwork(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  except: Except,
  watching: Watching,
): Promise<{ steps: Step[]; notes: string[] }> {
  const network = networkOf(wanted)
  return converge(
    host,
    {
      role: REAL_SERVER,
      vips: wanted.vips,
      interest: state => interestOf(network, ofNetwork(state)),
      plan: planner(config, wanted, except),
      interlock: vipInterlock,
      async prove(now) {
        const { SILENCE_CHECKS } = await import('./verify/checks.ts')
        const { runChecks } = await import('./verify/verify.ts')
        refuseAudible(await runChecks(SILENCE_CHECKS, host, network, now))
      },
      tidy: () => undefined,
    },
    watching,
  )
}

function planner(config: Config, wanted: WantedRealServer, except: Except) {
  return (found: FoundHost, state: State, director: State) => {
    const { refusals, ...planned } = planRealServer(networkOf(wanted), found, ofNetwork(state), director)
    refuse(config, refusals)
    return { ...planned, steps: planned.steps.filter(step => !except(step)) }
  }
}

function networkOf(wanted: WantedRealServer): WantedRealServer {
  return { ...wanted, httpd: null, nfs: [] }
}

function ofNetwork(state: State): State {
  return { ...state, priors: state.priors.filter(({ resource }) => RESOURCES.has(resource)) }
}
