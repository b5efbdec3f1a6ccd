import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep, setImmediate as yieldToOthers } from 'node:timers/promises'
import { hasErrno } from '../errors.ts'

/**
 * Processes that leave their process group, their session and their parent (setsid, a double fork) are still known by
 * their environment, which they inherit. One that starts a program with another environment in a group of its own is
 * not found.
 */

/** The name of the variable that marks them. */
export const MARK = 'RS_AGENT_CHECK_ID'

/**
 * Ends every process with this mark and all that they start meanwhile. Settles when none is left, or after a time in
 * which those that are left could not be ended (they wait for a disk or a file server); never rejects.
 */
export function endMarked(mark: string): Promise<void> {
  return new Promise(resolve => {
    hunted.set(mark, { walksLeft: MAX_WALKS, quietWalks: 0, resolve })
    if (isHunting) return
    isHunting = true
    void hunt().then(() => {
      isHunting = false
    })
  })
}

interface Hunted {
  walksLeft: number
  /** In a row; a process may just be between a fork and a place in the list. */
  quietWalks: number
  resolve: () => void
}

/** All that are wanted now: one walk looks for all of them. */
const hunted = new Map<string, Hunted>()
let isHunting = false
const MAX_WALKS = 50
const QUIET_WALKS = 2
/** Between two walks: longer and longer, so that they go on for half a minute. */
const PAUSE_MS = 10
const PAUSE_GROWTH = 1.3
const MAX_PAUSE_MS = 1_000
/** Of the time that a walk takes: at most a fifth of a processor, however many processes there are. */
const PAUSE_SHARE = 4

async function hunt(): Promise<void> {
  while (hunted.size > 0) {
    // Those that come during a walk are not in it.
    const wanted = new Map(hunted)
    const startedAt = performance.now()
    const found = await walk(wanted)
    for (const [mark, each] of wanted) {
      each.walksLeft--
      each.quietWalks = found === null || found.has(mark) ? 0 : each.quietWalks + 1
      if (each.quietWalks < QUIET_WALKS && each.walksLeft > 0) continue
      hunted.delete(mark)
      each.resolve()
    }
    if (hunted.size > 0) await sleep(pauseMs(performance.now() - startedAt))
  }
}

function pauseMs(tookMs: number): number {
  const walks = MAX_WALKS - Math.min(...[...hunted.values()].map(({ walksLeft }) => walksLeft))
  return Math.max(Math.min(PAUSE_MS * PAUSE_GROWTH ** walks, MAX_PAUSE_MS), PAUSE_SHARE * tookMs)
}

/** Processes between two chances for all else. */
const AT_ONCE = 64

/** Ends whom it meets, and says whose they were; null when it could not look at all of them. */
async function walk(wanted: ReadonlyMap<string, unknown>): Promise<Set<string> | null> {
  const found = new Set<string>()
  try {
    const processes = readdirSync('/proc').filter(name => /^[0-9]+$/.test(name))
    for (const [index, pid] of processes.entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await yieldToOthers()
      const mark = markOf(pid)
      if (mark === null || !wanted.has(mark) || Number(pid) === process.pid) continue
      found.add(mark)
      end(pid)
    }
    return found
  } catch {
    // No descriptor may be left, or no memory; the next walk has another chance, and checks go on.
    return null
  }
}

/** What is no longer there, or belongs to somebody else. */
const OUT_OF_REACH = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM']

function markOf(pid: string): string | null {
  try {
    // A kernel thread has none, and one that has ended neither.
    const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`
    return MARKED.exec(environment)?.[1] ?? null
  } catch (error) {
    if (hasErrno(error, ...OUT_OF_REACH)) return null
    throw error
  }
}

const MARKED = new RegExp(`\0${MARK}=([^\0]*)`)

/**
 * With its whole process group: the kernel ends that at once, however fast they fork (kernel/fork.c, copy_process: no
 * fork with a signal pending). It holds nobody else, as no one enters a group of another session, and a command is
 * started in a session of its own.
 */
function end(pid: string): void {
  try {
    // Behind the name, in which anything may stand: state, parent, group (proc_pid_stat(5)).
    const [, , , group = '0'] = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/s, '').split(' ')
    process.kill(Number(group) > 1 ? -Number(group) : Number(pid), 'SIGKILL')
  } catch (error) {
    if (!hasErrno(error, ...OUT_OF_REACH)) throw error
  }
}
