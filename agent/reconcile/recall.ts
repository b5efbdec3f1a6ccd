import { join } from 'node:path'
import type { Files } from '../host/files.ts'
import { refuseUntrusted } from '../host/trust.ts'
import { type Interrupted, journalIn, STATE_FOLDER } from './journal.ts'
import { priorsDuring } from './plan.ts'
import type { Role } from './role.ts'
import { readState, type State } from './state.ts'

export interface Memory {
  state: State
  /** The run that ended in the middle, when one did; the state already counts what it may have changed. */
  interrupted: Interrupted | null
}

/** What rs-agent knows of the role on this host from earlier runs, finished or not. */
export function recall(files: Files, role: Role): Memory {
  refuseUntrusted(join(files.root, STATE_FOLDER), 'the state folder')
  const state = readState(files, role)
  const interrupted = journalIn(files, role).interrupted()
  // A run that committed and could not clear its journal has left nothing undone.
  if (interrupted === null || interrupted.startedAt === state.lastApply?.at)
    return { state, interrupted: null }
  const bound = interrupted.steps.flatMap(({ change, resource }) =>
    change.kind === 'address' && resource === role.vipResource ? [change.id.address] : [],
  )
  const vips = [...new Set([...state.vips, ...bound])]
  const needs = [...new Set([...state.needs, ...interrupted.needs])]
  const priors = priorsDuring(state.priors, interrupted.steps)
  return { state: { ...state, vips, needs, priors }, interrupted }
}
