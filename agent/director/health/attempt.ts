import { messageOf } from '../../errors.ts'
import type { Outcome } from './check.ts'

/** Where a try tells what it found; only the first word counts. */
export interface Finding {
  pass(note?: string): void
  fail(why: string): void
  /** It could not be asked, on this host's account. */
  unknown(why: string): void
}

/** What a try has under way. */
export interface Effort {
  /** Ends it; called once, whatever was found. */
  stop(): void
  /** Its time is over: tells what has not come. */
  expire(): void
}

/**
 * One try with its time: by the monotonic clock, which nobody sets. It settles by what was found, by the time or by
 * the signal, and never rejects.
 */
export function attempt(
  timeoutMs: number,
  signal: AbortSignal,
  begin: (found: Finding) => Effort,
): Promise<Outcome> {
  return new Promise(resolve => {
    const startedAt = performance.now()
    let dueMs = timeoutMs
    let effort: Effort | undefined
    let isSettled = false
    const settle = (kind: Outcome['kind'], text?: string): void => {
      if (isSettled) return
      isSettled = true
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      effort?.stop()
      resolve(outcomeOf(kind, text, performance.now() - startedAt, { timeoutMs, dueMs }))
    }
    const abort = () => settle('unknown', 'broken off')
    const expire = (): void => {
      const nowMs = performance.now() - startedAt
      const lateMs = nowMs - timeoutMs
      // Once, and no longer: what has come meanwhile is to be heard, and who is silent to be told.
      if (dueMs === timeoutMs && lateMs > NOTICED_MS && !isHeldUp(lateMs, timeoutMs)) {
        dueMs = nowMs + lateMs
        timer = setTimeout(expire, lateMs)
        return
      }
      effort?.expire()
      settle('fail')
    }
    let timer = setTimeout(expire, timeoutMs)
    signal.addEventListener('abort', abort)
    if (signal.aborted) return abort()
    const found: Finding = {
      pass: note => settle('pass', note),
      fail: why => settle('fail', why),
      unknown: why => settle('unknown', why),
    }
    try {
      effort = begin(found)
    } catch (error) {
      settle('unknown', `cannot ask: ${messageOf(error)}`)
    }
    // It may have been settled before there was anything to stop.
    if (isSettled) effort?.stop()
  })
}

/**
 * A process that was stopped, or had no processor for long, finds every time over and every connection given up when
 * it goes on: none of that is a real server's fault. One that had none for a moment, when the time was over, gets that
 * moment back.
 */
const HELD_UP_MS = 250
/** No timer is more exact under load. */
const NOTICED_MS = 20

function isHeldUp(lateMs: number, timeoutMs: number): boolean {
  return lateMs > Math.max(HELD_UP_MS, timeoutMs / 2)
}

function outcomeOf(
  kind: Outcome['kind'],
  text: string | undefined,
  latencyMs: number,
  { timeoutMs, dueMs }: { timeoutMs: number; dueMs: number },
): Outcome {
  if (kind === 'pass') return text === undefined ? { kind, latencyMs } : { kind, latencyMs, note: text }
  if (isHeldUp(latencyMs - dueMs, timeoutMs))
    return { kind: 'unknown', latencyMs, why: 'this host was held up' }
  return { kind, latencyMs, why: text ?? `no answer within ${timeoutMs} ms` }
}
