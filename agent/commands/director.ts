import { rememberVerify } from '../checks/last-verify.ts'
import { type Selection, selectChecks } from '../checks/selection.ts'
import { lookBesideRun } from '../director/beside-run.ts'
import { convergeDirector, findDrift, releaseDirector } from '../director/converge.ts'
import { directorSection, leftToRun, wantedDirector } from '../director/desired.ts'
import { interestOfDirector } from '../director/plan.ts'
import { recallRotation } from '../director/rotation.ts'
import { recallReport } from '../director/rotation-report.ts'
import { type CheckId, inOrder } from '../director/verify/check.ts'
import { CHECKS, REPERTOIRE } from '../director/verify/checks.ts'
import { checkIpvsPool } from '../director/verify/ipvs-pool.ts'
import { runChecks } from '../director/verify/verify.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { observeHost } from '../reconcile/found.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import { NOTHING_MANAGED } from '../reconcile/state.ts'
import { moduleReport } from '../report/change.ts'
import { reportsOf } from '../report/plan.ts'
import { tellApply, tellPlan, tellRemoval, tellVerify } from '../report/verbs.ts'
import { changeHost, type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** The verbs of the director role that a plan, an apply or a verify stand behind. */

/** What apply would change; 0 when nothing, 2 when something. */
export async function directorPlanCommand(invocation: Invocation): Promise<number> {
  const config = loadInvocationConfig(invocation)
  const { found } = await withHost(invocation, host =>
    lookBesideRun(
      host,
      config,
      wanted => findDrift(host, config, wanted),
      ({ steps }) => steps.length === 0,
    ),
  )
  const { modules, steps, notes, interrupted } = found
  const changes = [...modules.map(moduleReport), ...reportsOf(steps)]
  return tellPlan(invocation.terminal, DIRECTOR, { changes, notes, interrupted })
}

/** Makes this host the configured director. */
export async function directorApplyCommand(
  invocation: Invocation,
  { dryRun }: { dryRun: boolean },
): Promise<number> {
  if (dryRun) return directorPlanCommand(invocation)
  const config = loadInvocationConfig(invocation)
  // Before rights and locks are asked for.
  directorSection(config)
  const { modules, steps, checks, notes } = await changeHost(invocation, async (host, watching) => {
    const rotation = recallRotation(host.files)
    const converged = await convergeDirector(host, config, wantedDirector(config, rotation), watching)
    return { ...converged, notes: [...converged.notes, ...leftToRun(config, rotation)] }
  })
  const changes = [...modules.map(moduleReport), ...reportsOf(steps)]
  return tellApply(invocation.terminal, DIRECTOR, { changes, checks, notes })
}

/** Proves this host's director role, and its real servers; changes nothing. */
export async function directorVerifyCommand(invocation: Invocation, selection: Selection): Promise<number> {
  const { terminal } = invocation
  const { ids, leftOut } = selectChecks(REPERTOIRE, selection)
  const checks = Object.fromEntries(ids.map(id => [id, CHECKS[id]]))
  const config = loadInvocationConfig(invocation)
  const results = await withHost(invocation, async host => {
    const { wanted, found } = await lookBesideRun(
      host,
      config,
      wanted => observeHost(host, interestOfDirector(wanted)(NOTHING_MANAGED)),
      (found, wanted) => checkIpvsPool(wanted, found).every(({ verdict }) => verdict === 'pass'),
    )
    const showWaiting = (ids: readonly CheckId[]): void =>
      terminal.progress(ids.length === 0 ? null : `waiting for ${ids.join(', ')}`)
    const results = inOrder([...(await runChecks(checks, host, wanted, found, showWaiting)), ...leftOut])
    rememberVerify(host.files, 'director', results, new Date())
    return results
  })
  return tellVerify(terminal, DIRECTOR, results, leftOut)
}

/** Takes the role off this host; needs no configuration, the state knows what was there before. */
export async function directorRemoveCommand(invocation: Invocation): Promise<number> {
  const { steps, leftOut, notes } = await changeHost(invocation, (host, watching) => {
    refuseWhileRunning(host)
    return releaseDirector(host, watching)
  })
  return tellRemoval(invocation.terminal, DIRECTOR, { changes: reportsOf(steps), leftOut, notes })
}

/** It would put back what remove takes away. */
function refuseWhileRunning({ files }: Host): void {
  const report = recallReport(files)
  if (report === null) return
  throw new AgentError(
    'locked',
    `\`rs-agent director run\` keeps this host a director (process ${report.pid})`,
    'stop it, then run this again',
  )
}
