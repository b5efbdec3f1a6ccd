import { realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AgentError, hasErrno } from '../errors.ts'

const STICKY = 0o1000
const GROUP_OR_OTHERS_MAY_WRITE = 0o022
const OTHERS_MAY_WRITE = 0o002

/**
 * Refuses a path that somebody else could change under a root process: it or its folder owned by another
 * user or writable by group or others, or any folder above them writable by everybody. Where a link leads,
 * the same holds. A path that does not exist is judged by whoever needs it.
 */
export function refuseUntrusted(path: string, what: string): void {
  for (const way of new Set([resolve(path), realPath(path)])) {
    refuseOthersHand(way, what, { isFolder: false })
    refuseOthersHand(dirname(way), what, { isFolder: true })
    for (let above = dirname(dirname(way)); ; above = dirname(above)) {
      if (mayWrite(above, OTHERS_MAY_WRITE, { isFolder: true }))
        throw refusal(what, above, 'may be written by others', `chmod o-w ${above}`)
      if (above === dirname(above)) break
    }
  }
}

function refuseOthersHand(path: string, what: string, { isFolder }: { isFolder: boolean }): void {
  const found = statOf(path)
  const owner = process.geteuid?.() ?? 0
  if (found !== null && found.uid !== 0 && found.uid !== owner)
    throw refusal(what, path, `is owned by user ${found.uid}`, `chown root ${path}`)
  if (mayWrite(path, GROUP_OR_OTHERS_MAY_WRITE, { isFolder }))
    throw refusal(what, path, 'may be written by group or others', `chmod go-w ${path}`)
}

/** In a sticky folder (/tmp) others may add names, but not replace ours. */
function mayWrite(path: string, bits: number, { isFolder }: { isFolder: boolean }): boolean {
  const mode = statOf(path)?.mode ?? 0
  return (mode & bits) !== 0 && !(isFolder && (mode & STICKY) !== 0)
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return resolve(path)
    throw error
  }
}

function statOf(path: string): { uid: number; mode: number } | null {
  try {
    return statSync(path)
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return null
    throw error
  }
}

function refusal(what: string, path: string, why: string, mend: string): AgentError {
  return new AgentError('config-invalid', `${what} is not safe to act on: ${path} ${why}`, `\`${mend}\``)
}
