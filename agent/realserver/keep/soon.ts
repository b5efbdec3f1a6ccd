/** Work that is asked for in bursts, and done once for each. */
export interface Soon {
  ask(): void
  /** What is asked for from now on is not done. */
  close(): void
}

/** The work is done when nobody has asked for it for `quietMs`, and `longestMs` after the first one at the latest. */
export function openSoon(
  work: () => void,
  { quietMs, longestMs }: { quietMs: number; longestMs: number },
): Soon {
  let timer: NodeJS.Timeout | undefined
  let askedAtMs: number | null = null
  let isClosed = false
  return {
    ask() {
      if (isClosed) return
      const nowMs = performance.now()
      askedAtMs ??= nowMs
      clearTimeout(timer)
      timer = setTimeout(
        () => {
          askedAtMs = null
          work()
        },
        Math.max(0, Math.min(quietMs, askedAtMs + longestMs - nowMs)),
      )
    },
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
