import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { IpAddress } from '../model/address.ts'
import { applySteps, clearUp, type Transaction } from '../reconcile/apply.ts'
import { type FoundHost, observeHost } from '../reconcile/found.ts'
import { type Journal, journalIn } from '../reconcile/journal.ts'
import { priorsAfter, priorsDuring } from '../reconcile/plan.ts'
import { forgetState, type State, writeState } from '../reconcile/state.ts'
import type { Step } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { vipInterlock } from './interlock.ts'
import { interestOf, planRealServer, planRemoval } from './plan.ts'
import { recall } from './recall.ts'
import type { Refusal } from './refusal.ts'
import type { CheckResult } from './verify/check.ts'
import { forgetVerify } from './verify/last-verify.ts'
import { STATIC_CHECKS } from './verify/static-checks.ts'
import { runChecks } from './verify/verify.ts'

/** What a caller wants to hear of, and how it can stop a run. */
export type Watching = Pick<Transaction, 'signal' | 'onProgress'>

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
  const { state, interrupted } = recall(host.files)
  const observe = (): Promise<FoundHost> => observeHost(host, interestOf(state))
  const found = await observe()
  const { steps, refusals, leftOut, staying } = planRealServer(wanted, found, state)
  refuse(config, refusals)
  const journal = journalIn(host.files)
  if (interrupted !== null) await settle(host, state, journal)
  if (steps.length === 0)
    return { steps, checks: await runChecks(STATIC_CHECKS, host, wanted, found), notes: leftOut }

  const vips = union(state.vips, wanted.vips)
  let checks: CheckResult[] = []
  const notes = await applySteps({
    ...watching,
    verb: 'apply',
    host,
    steps,
    journal,
    interlock: vipInterlock(vips),
    observe,
    remaining: now =>
      planRealServer(wanted, now, { ...state, priors: priorsDuring(state.priors, steps) }).steps,
    prove: async now => {
      // Not at the top: a run with nothing to do proves nothing on the wire.
      const { SILENCE_CHECKS } = await import('./verify/checks.ts')
      checks = await runChecks({ ...STATIC_CHECKS, ...SILENCE_CHECKS }, host, wanted, now)
      refuseAudible(checks)
    },
    commit: startedAt =>
      writeState(host.files, {
        vips: union(wanted.vips, staying),
        priors: priorsAfter(state.priors, steps),
        lastApply: { at: startedAt, changes: steps.length },
      }),
    // The steps were for what it found.
    tidy: () => forgetVerify(host.files),
    commitUndoIncomplete: () =>
      writeState(host.files, { ...state, vips, priors: priorsDuring(state.priors, steps) }),
  })
  return { steps, checks, notes: [...leftOut, ...notes] }
}

export interface Released {
  steps: Step[]
  /** What was there before the first apply and is not put back, each with the reason. */
  leftOut: string[]
  notes: string[]
}

/** Takes the role off the host: what was found before the first apply is put back. */
export async function releaseRealServer(host: Host, watching: Watching): Promise<Released> {
  const { state, interrupted } = recall(host.files)
  const observe = (): Promise<FoundHost> => observeHost(host, interestOf(state))
  const { steps, leftOut, staying } = planRemoval(await observe(), state)
  const journal = journalIn(host.files)
  if (interrupted !== null) await settle(host, state, journal)
  // For a VIP that stays the host stays silent, and the next remove still has something to put back.
  const keep = (): Promise<void> =>
    writeState(host.files, { ...state, vips: staying, priors: priorsAfter(state.priors, steps) })
  const tidy = (): void => {
    if (staying.length === 0) forgetState(host.files)
    forgetVerify(host.files)
  }
  if (steps.length === 0) return { steps, leftOut, notes: clearUp({ journal, tidy }) }
  const notes = await applySteps({
    ...watching,
    verb: 'remove',
    host,
    steps,
    journal,
    interlock: vipInterlock(state.vips),
    observe,
    remaining: now => planRemoval(now, state).steps,
    // There is nothing left to prove; that nothing remains to be done is proof enough.
    prove: async () => undefined,
    commit: async () => {
      if (staying.length > 0) await keep()
    },
    tidy,
    commitUndoIncomplete: () => writeState(host.files, state),
  })
  return { steps, leftOut, notes }
}

/** All that stands between this configuration and this host, in one error. */
export function refuse(config: Config, refusals: readonly Refusal[]): void {
  const [first] = refusals
  if (first === undefined) return
  const lines = refusals.map(({ path, why }) => `${config.locate(path)}: ${why}`)
  const hints = [...new Set(refusals.map(({ hint }) => hint))]
  throw new AgentError(
    first.code ?? 'config-invalid',
    lines.join('\n'),
    `nothing was touched; ${hints.join('; ')}`,
  )
}

/** The memory of an interrupted run moves from its journal into the state, before the journal is used again. */
async function settle(host: Host, state: State, journal: Journal): Promise<void> {
  await writeState(host.files, state)
  journal.clear()
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

function union(left: readonly IpAddress[], right: readonly IpAddress[]): IpAddress[] {
  return [...new Set([...left, ...right])]
}
