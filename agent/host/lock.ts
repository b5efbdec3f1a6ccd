import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { AgentError, hasErrno, messageOf } from '../errors.ts'
import { FileLock } from './native.ts'

export const LOCK_PATH = 'run/rs-agent/lock'

/** Runs the work while no other rs-agent works on the same root; the kernel frees the lock of a killed one. */
export async function withLock<T>(root: string, work: () => Promise<T>, path = LOCK_PATH): Promise<T> {
  const lock = acquire(join(root, path))
  try {
    return await work()
  } finally {
    lock.release()
  }
}

/** Whether some process holds the lock now; a file that nobody can lock, or is not there, is not held. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false
  try {
    const lock = FileLock.tryAcquire(path)
    lock?.release()
    return lock === null
  } catch {
    return false
  }
}

function acquire(path: string): FileLock {
  let lock: FileLock | null
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    lock = FileLock.tryAcquire(path)
  } catch (cause) {
    const code = hasErrno(cause, 'EACCES', 'EPERM') ? 'missing-capability' : 'failed'
    throw new AgentError(
      code,
      `cannot lock ${path}: ${messageOf(cause)}`,
      'run as root on a writable file system',
      cause,
    )
  }
  if (lock === null)
    throw new AgentError(
      'locked',
      `another rs-agent is at work (it holds ${path})`,
      'wait until it has finished, then run this again',
    )
  return lock
}
