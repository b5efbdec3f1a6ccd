import { basename } from 'node:path'
import { hasErrno, messageOf } from '../errors.ts'
import { type Files, setAside } from '../host/files.ts'
import { journalIn, journalPath } from './journal.ts'
import { DamagedMemory } from './memory.ts'
import type { Role } from './role.ts'
import { readState, statePath } from './state.ts'

/**
 * Moves a journal or a state that cannot be read out of the way, and tells of it. A command stops there: somebody may
 * have a copy. A service goes on: a disk that lost a block is no reason to leave clients without their VIP, and what is
 * bound is as silent as ever.
 */
export function setDamagedMemoryAside(files: Files, role: Role): string[] {
  return [
    ...asideWhenDamaged(files, journalPath(role), () => journalIn(files, role).interrupted(), JOURNAL_LOST),
    ...asideWhenDamaged(files, statePath(role), () => readState(files, role), STATE_LOST),
  ]
}

const JOURNAL_LOST = 'what a run that was cut short had found before is not known'
const STATE_LOST = 'what was found before the first apply is not known any more: remove cannot put it back'

function asideWhenDamaged(files: Files, path: string, read: () => unknown, loss: string): string[] {
  try {
    read()
    return []
  } catch (error) {
    if (!isDamage(error)) throw error
    const aside = setAside(files, path)
    return [`${messageOf(error)}; ${loss}; it is kept as ${basename(aside)}`]
  }
}

/** Not text any more, or not to be read from the disk. */
const DAMAGES = ['ERR_ENCODING_INVALID_ENCODED_DATA', 'EIO']

function isDamage(error: unknown): boolean {
  return error instanceof DamagedMemory || (error instanceof Error && hasErrno(error.cause, ...DAMAGES))
}
