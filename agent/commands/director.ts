import { rememberVerify } from '../checks/last-verify.ts'
import { overallVerdict } from '../checks/result.ts'
import { type Selection, selectChecks } from '../checks/selection.ts'
import { convergeDirector, findDrift, releaseDirector } from '../director/converge.ts'
import { directorSection, wantedDirector } from '../director/desired.ts'
import { interestOfDirector } from '../director/plan.ts'
import { recallReport, recallRotation } from '../director/rotation.ts'
import { type CheckId, inOrder } from '../director/verify/check.ts'
import { CHECKS, REPERTOIRE } from '../director/verify/checks.ts'
import { runChecks } from '../director/verify/verify.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { observeHost } from '../reconcile/found.ts'
import { NOTHING_MANAGED } from '../reconcile/state.ts'
import { moduleReport } from '../report/change.ts'
import { countChanges, printChangeReports, printNotes, reportsOf } from '../report/plan.ts'
import { interruptedLine } from '../report/status.ts'
import { printChecks, printVerify } from '../report/verify.ts'
import { changeHost, type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** The verbs of the director role that a plan, an apply or a verify stand behind. */

const EXIT_STATUS = { pass: 0, fail: 2, unknown: 3 } as const

/** What apply would change; 0 when nothing, 2 when something. */
export async function directorPlanCommand(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const config = loadInvocationConfig(invocation)
  const { modules, steps, notes, interrupted } = await withHost(invocation, host =>
    findDrift(host, config, wantedDirector(config, recallRotation(host.files))),
  )
  const changes = [...modules.map(moduleReport), ...reportsOf(steps)]
  const converged = changes.length === 0
  if (terminal.json) terminal.document({ converged, changed: false, changes, notes })
  else {
    if (interrupted !== null) terminal.line(interruptedLine(terminal, interrupted))
    printChangeReports(terminal, changes)
    printNotes(terminal, notes)
    const summary = converged
      ? 'nothing to do'
      : `${countChanges(changes.length)} pending; \`rs-agent director apply\` makes them in this order`
    terminal.line(`rs-agent director plan: ${summary}`)
  }
  return converged ? 0 : 2
}

/** Makes this host the configured director. */
export async function directorApplyCommand(
  invocation: Invocation,
  { dryRun }: { dryRun: boolean },
): Promise<number> {
  if (dryRun) return directorPlanCommand(invocation)
  const { terminal } = invocation
  const config = loadInvocationConfig(invocation)
  // Before rights and locks are asked for.
  directorSection(config)
  const { modules, steps, checks, notes } = await changeHost(invocation, (host, watching) =>
    convergeDirector(host, config, wantedDirector(config, recallRotation(host.files)), watching),
  )
  const changes = [...modules.map(moduleReport), ...reportsOf(steps)]
  const changed = changes.length > 0
  if (terminal.json) terminal.document({ converged: true, changed, changes, checks, notes })
  else {
    printChangeReports(terminal, changes)
    printChecks(terminal, changed ? checks : checks.filter(check => check.verdict !== 'pass'))
    printNotes(terminal, notes)
    const summary = changed
      ? `done, ${countChanges(changes.length)}`
      : 'nothing to do, the host is as configured'
    terminal.line(`rs-agent director apply: ${summary}`)
  }
  return 0
}

/** Proves this host's director role, and its real servers; changes nothing. */
export async function directorVerifyCommand(invocation: Invocation, selection: Selection): Promise<number> {
  const { terminal } = invocation
  const { ids, leftOut } = selectChecks(REPERTOIRE, selection)
  const checks = Object.fromEntries(ids.map(id => [id, CHECKS[id]]))
  const config = loadInvocationConfig(invocation)
  const results = await withHost(invocation, async host => {
    const wanted = wantedDirector(config, recallRotation(host.files))
    const found = await observeHost(host, interestOfDirector(wanted)(NOTHING_MANAGED))
    const showWaiting = (ids: readonly CheckId[]): void =>
      terminal.progress(ids.length === 0 ? null : `waiting for ${ids.join(', ')}`)
    const results = inOrder([...(await runChecks(checks, host, wanted, found, showWaiting)), ...leftOut])
    rememberVerify(host.files, 'director', results, new Date())
    return results
  })
  printVerify(terminal, 'rs-agent director', results, leftOut)
  return EXIT_STATUS[overallVerdict(results)]
}

/** Takes the role off this host; needs no configuration, the state knows what was there before. */
export async function directorRemoveCommand(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { steps, leftOut, notes } = await changeHost(invocation, (host, watching) => {
    refuseWhileRunning(host)
    return releaseDirector(host, watching)
  })
  const changes = reportsOf(steps)
  const changed = changes.length > 0
  if (terminal.json) terminal.document({ converged: true, changed, changes, leftOut, notes })
  else {
    printChangeReports(terminal, changes)
    printNotes(terminal, [...leftOut, ...notes])
    const summary = changed
      ? `done, ${countChanges(changes.length)}`
      : 'nothing to do, no director role is applied here'
    terminal.line(`rs-agent director remove: ${summary}`)
  }
  return 0
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
