import { join } from 'node:path'
import type { Files } from '../host/files.ts'
import { refuseUntrusted } from '../host/trust.ts'
import { type Interrupted, journalIn, STATE_FOLDER } from '../reconcile/journal.ts'
import { priorsDuring } from '../reconcile/plan.ts'
import { readState, type State } from '../reconcile/state.ts'

export interface Memory {
  state: State
  /** The run that ended in the middle, when one did; the state already counts what it may have changed. */
  interrupted: Interrupted | null
}

/** What rs-agent knows of this host from earlier runs, finished or not. */
export function recall(files: Files): Memory {
  refuseUntrusted(join(files.root, STATE_FOLDER), 'the state folder')
  const state = readState(files)
  const interrupted = journalIn(files).interrupted()
  // A run that committed and could not clear its journal has left nothing undone.
  if (interrupted === null || interrupted.startedAt === state.lastApply?.at)
    return { state, interrupted: null }
  const bound = interrupted.steps.flatMap(({ change, resource }) =>
    change.kind === 'address' && resource === 'vip-bound' ? [change.id.address] : [],
  )
  const vips = [...new Set([...state.vips, ...bound])]
  return { state: { ...state, vips, priors: priorsDuring(state.priors, interrupted.steps) }, interrupted }
}
