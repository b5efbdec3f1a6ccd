import type { Host } from '../host/host.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import type { IpAddress } from '../model/address.ts'
import { FSTAB } from '../model/fstab.ts'
import { applySteps, clearUp, type Transaction } from './apply.ts'
import type { Interlock } from './execute.ts'
import { type FoundHost, type Interest, observeHost } from './found.ts'
import { handOver, recallOther } from './handover.ts'
import { type Interrupted, type Journal, journalIn } from './journal.ts'
import { priorsAfter, priorsDuring } from './plan.ts'
import { recall } from './recall.ts'
import type { Role } from './role.ts'
import { forgetState, readState, type State, writeState } from './state.ts'
import type { Step } from './step.ts'

/** What a caller wants to hear of, and how it can stop a run. */
export type Watching = Pick<Transaction, 'signal' | 'onProgress'>

/** What a role would do to the host as it was found. */
export interface RolePlan {
  steps: Step[]
  /** What is not done or put back, each with the reason. */
  leftOut: string[]
  /** VIPs that stay bound though the role does not want them any more. */
  staying: IpAddress[]
  /** Kernel parameters that the role needs, whoever set them: the other role leaves them alone. */
  needs: SysctlPath[]
}

/** A role that is put on a host. */
export interface Undertaking {
  role: Role
  /** VIPs that the role wants. */
  vips: readonly IpAddress[]
  interest(state: State): Interest
  /** `other` is what the other role remembers. Throws when the host cannot take the role; nothing was touched then. */
  plan(found: FoundHost, state: State, other: State): RolePlan
  interlock(vips: readonly IpAddress[]): Interlock
  /** Looks at the result from outside, after a change; throws when it is not what was promised. */
  prove(found: FoundHost, steps: readonly Step[]): Promise<void>
  /** Clears up after a change that stands. */
  tidy(): void
}

export interface Outcome {
  /** The host before the steps. */
  found: FoundHost
  steps: Step[]
  /** What the user should know beside. */
  notes: string[]
}

/** Puts the role on the host, as a whole: throws with everything as before when it cannot. */
export async function converge(host: Host, undertaking: Undertaking, watching: Watching): Promise<Outcome> {
  const { role } = undertaking
  const { state, interrupted } = recall(host.files, role)
  const observe = (): Promise<FoundHost> => observeHost(host, undertaking.interest(state))
  const found = await observe()
  const other = recallOther(host.files, role)
  const { steps, leftOut, staying, needs } = undertaking.plan(found, state, other)
  const journal = journalIn(host.files, role)
  if (interrupted !== null) await settle(host, role, state, interrupted, journal)
  const wanted = { vips: union(undertaking.vips, staying), needs }
  if (steps.length === 0) {
    await noteChanged(host, role, wanted)
    return { found, steps, notes: leftOut }
  }

  const vips = union(state.vips, undertaking.vips)
  const notes = await applySteps({
    ...watching,
    role,
    verb: 'apply',
    host,
    steps,
    needs,
    journal,
    interlock: undertaking.interlock(vips),
    observe,
    remaining: now =>
      undertaking.plan(now, { ...state, priors: priorsDuring(state.priors, steps) }, other).steps,
    prove: now => undertaking.prove(now, steps),
    commit: startedAt =>
      writeState(host.files, role, {
        ...state,
        ...wanted,
        priors: priorsAfter(state.priors, steps),
        lastApply: { at: startedAt, changes: steps.length },
      }),
    tidy: () => undertaking.tidy(),
    commitUndoIncomplete: () =>
      writeState(host.files, role, { ...state, vips, priors: priorsDuring(state.priors, steps) }),
  })
  return { found, steps, notes: [...leftOut, ...notes] }
}

/** A role that is taken off a host. */
export type Release = Pick<Undertaking, 'role' | 'interest' | 'plan' | 'interlock' | 'tidy'> & {
  /** What is still to be remembered when the role is gone; null for nothing. */
  remember?(state: State): State | null
}

export interface Released {
  steps: Step[]
  /** What was there before the first apply and is not put back, each with the reason. */
  leftOut: string[]
  notes: string[]
}

/** Takes the role off the host: what was found before the first apply is put back. */
export async function release(host: Host, releasing: Release, watching: Watching): Promise<Released> {
  const { role } = releasing
  const { state, interrupted } = recall(host.files, role)
  const observe = (): Promise<FoundHost> => observeHost(host, releasing.interest(state))
  const other = recallOther(host.files, role)
  const { steps, leftOut, staying, needs } = releasing.plan(await observe(), state, other)
  const journal = journalIn(host.files, role)
  if (interrupted !== null) await settle(host, role, state, interrupted, journal)
  // For a VIP that stays the role stays in part, and the next remove still has something to put back.
  const keep = (): Promise<void> =>
    writeState(host.files, role, { ...state, vips: staying, priors: priorsAfter(state.priors, steps) })
  const remembered = releasing.remember?.(state) ?? null
  const commit = async (): Promise<void> => {
    if (staying.length > 0) return keep()
    await handOver(host.files, role, state)
    if (remembered !== null) await writeState(host.files, role, remembered)
  }
  const tidy = (): void => {
    if (staying.length === 0 && remembered === null) forgetState(host.files, role)
    releasing.tidy()
  }
  if (steps.length === 0) {
    await commit()
    return { steps, leftOut, notes: clearUp({ journal, tidy }) }
  }
  const notes = await applySteps({
    ...watching,
    role,
    verb: 'remove',
    host,
    steps,
    needs,
    journal,
    interlock: releasing.interlock(state.vips),
    observe,
    remaining: now => releasing.plan(now, state, other).steps,
    // There is nothing left to prove; that nothing remains to be done is proof enough.
    prove: async () => undefined,
    commit,
    tidy,
    commitUndoIncomplete: () => writeState(host.files, role, state),
  })
  return { steps, leftOut, notes }
}

/** What the role wants may change without a step, where the host is so already. */
async function noteChanged(host: Host, role: Role, wanted: Holdings): Promise<void> {
  const state = readState(host.files, role)
  if (!isNoted(state, wanted)) await writeState(host.files, role, { ...state, ...wanted })
}

/** Whether the state names what the role holds. */
export function isNoted(state: Holdings, { vips, needs }: Holdings): boolean {
  return isSameSet(state.vips, vips) && isSameSet(state.needs, needs)
}

type Holdings = Pick<State, 'vips' | 'needs'>

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every(item => right.includes(item))
}

/** The memory of an interrupted run moves from its journal into the state, before the journal is used again. */
async function settle(
  host: Host,
  role: Role,
  state: State,
  { steps }: Interrupted,
  journal: Journal,
): Promise<void> {
  await writeState(host.files, role, state)
  // By the journal alone they are known: the file itself may never have come to be.
  for (const path of filesOf(steps)) host.files.removeDraft(path)
  journal.clear()
}

function filesOf(steps: readonly Step[]): string[] {
  return steps.flatMap(({ change }) => {
    if (change.kind === 'fstab-line') return [FSTAB]
    return change.kind === 'file' || change.kind === 'site' || change.kind === 'unit-file'
      ? [change.id.path]
      : []
  })
}

function union(left: readonly IpAddress[], right: readonly IpAddress[]): IpAddress[] {
  return [...new Set([...left, ...right])]
}
