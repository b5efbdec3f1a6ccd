import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AgentError, hasErrno, messageOf } from '../errors.ts'
import { FileLock } from './native.ts'

export const LOCK_PATH = 'run/rs-agent/lock'

/** Who holds a lock, when somebody else does. */
export interface Holder {
  who: string
  hint: string
}

const ANY_COMMAND: Holder = {
  who: 'another rs-agent is at work',
  hint: 'wait until it has finished, then run this again',
}

/**
 * Runs the work while no other rs-agent works on the same root; the kernel frees the lock of a killed one. Throws
 * `locked` with words about the holder.
 */
export async function withLock<T>(
  root: string,
  work: () => Promise<T>,
  path = LOCK_PATH,
  holder = ANY_COMMAND,
): Promise<T> {
  const lock = takeLock(root, path, holder)
  try {
    return await work()
  } finally {
    lock.release()
  }
}

/** Between two tries while another rs-agent changes this host. */
const RETRY_MS = 20

/** Waits for another rs-agent that is at work on this root, as long as the signal lets it; throws `locked` then. */
export async function withLockInTurn<T>(
  root: string,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await withLock(root, work)
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'locked' || signal.aborted) throw error
      await sleep(RETRY_MS)
    }
  }
}

/** Whether some process holds the lock now, without taking it; one whose file cannot be read is not held. */
export function isLocked(path: string): boolean {
  try {
    return FileLock.isHeld(path)
  } catch {
    return false
  }
}

/** Until it is released, or the process ends; throws `locked` with words about the holder. */
export function takeLock(root: string, lockPath: string, { who, hint }: Holder): { release(): void } {
  const path = join(root, lockPath)
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
  if (lock === null) throw new AgentError('locked', `${who} (it holds ${path})`, hint)
  return lock
}
