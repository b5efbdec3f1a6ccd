import { lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { AgentError, hasErrno } from '../errors.ts'

const GROUP_OR_OTHERS_MAY_WRITE = 0o022

/**
 * Refuses a path that somebody else could change under a root process: owned by another user, or writable
 * by group or others. A path that does not exist is judged by whoever needs it.
 */
export function refuseUntrusted(path: string, what: string): void {
  for (const suspect of [path, dirname(path)]) {
    const found = statOf(suspect)
    if (found === null) continue
    const owner = process.geteuid?.() ?? 0
    if (found.uid !== 0 && found.uid !== owner)
      throw refusal(what, suspect, `is owned by user ${found.uid}`, `chown root ${suspect}`)
    // In a sticky folder (/tmp) others may add names but not replace ours.
    const sticky = suspect !== path && (found.mode & 0o1000) !== 0
    if (!sticky && (found.mode & GROUP_OR_OTHERS_MAY_WRITE) !== 0)
      throw refusal(what, suspect, 'may be written by group or others', `chmod go-w ${suspect}`)
  }
}

function statOf(path: string): { uid: number; mode: number } | null {
  try {
    const link = lstatSync(path)
    return link.isSymbolicLink() ? statSync(path) : link
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}

function refusal(what: string, path: string, why: string, mend: string): AgentError {
  return new AgentError('config-invalid', `${what} is not safe to act on: ${path} ${why}`, `\`${mend}\``)
}
