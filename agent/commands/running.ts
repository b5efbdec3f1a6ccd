import type { Terminal } from '../report/terminal.ts'
import type { LoggedEvent } from '../service/journal.ts'

/** What commands that go on until a signal have in common. */

/** Until SIGTERM or SIGINT; SIGHUP calls whoever listens for it. */
export async function untilStopped(
  work: (signal: AbortSignal, onReload: (listener: () => void) => void) => Promise<void>,
): Promise<void> {
  const controller = new AbortController()
  const listeners: (() => void)[] = []
  const stop = (): void => controller.abort()
  const hangUp = (): void => {
    for (const listener of listeners) listener()
  }
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', hangUp)
  try {
    await work(controller.signal, listener => void listeners.push(listener))
  } finally {
    process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', hangUp)
  }
}

/** A line for each event; with --json one document on each line, because a run has no end to wait for. */
export function printEvent(terminal: Terminal, event: LoggedEvent): void {
  const { level, subject, message } = event
  const text = subject === '' ? message : `${subject}: ${message}`
  if (terminal.json) terminal.event({ at: new Date().toISOString(), ...event })
  else terminal.line(level === 'warning' ? terminal.style('yellow', text) : text)
}
