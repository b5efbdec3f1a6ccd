import { statSync } from 'node:fs'
import { RUN_LOCK } from '../director/rotation-report.ts'
import { runDirector } from '../director/run.ts'
import type { RunEvent } from '../director/run-events.ts'
import { messageOf } from '../errors.ts'
import { requireCapability } from '../host/capabilities.ts'
import { withLock } from '../host/lock.ts'
import { keepHeapSmall } from '../host/small-heap.ts'
import type { Terminal } from '../report/terminal.ts'
import { configFileOf, type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** Keeps this host the configured director with healthy real servers, until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function directorRunCommand(invocation: Invocation): Promise<number> {
  const { root, terminal } = invocation
  requireCapability('CAP_NET_ADMIN', 'change the table of virtual services')
  const file = configFileOf(invocation)
  keepHeapSmall()
  await untilStopped((signal, onReload) =>
    withLock(
      root,
      () =>
        withHost(invocation, host =>
          runDirector({
            host,
            load: () => loadInvocationConfig(invocation),
            stamp: () => stampOf(file),
            log: event => printEvent(terminal, event),
            signal,
            onReload,
          }),
        ),
      RUN_LOCK,
      ANOTHER_RUN,
    ),
  )
  return 0
}

const ANOTHER_RUN = {
  who: 'another `rs-agent director run` looks after this host',
  hint: '`rs-agent director status` says which process; stop that one first',
}

async function untilStopped(
  work: (signal: AbortSignal, onReload: (listener: () => void) => void) => Promise<void>,
): Promise<void> {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  let reload = (): void => undefined
  const hangUp = (): void => reload()
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', hangUp)
  try {
    await work(controller.signal, listener => {
      reload = listener
    })
  } finally {
    process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', hangUp)
  }
}

/** An editor writes anew, in place or by rename: either shows. What cannot be looked at is no reason to end. */
function stampOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return [ino, size, mtimeMs].join()
  } catch (error) {
    return messageOf(error)
  }
}

/** A line for each event; with --json one document on each line, because a run has no end to wait for. */
function printEvent(terminal: Terminal, event: RunEvent): void {
  const { level, subject, message } = event
  const text = subject === '' ? message : `${subject}: ${message}`
  if (terminal.json) terminal.event({ at: new Date().toISOString(), ...event })
  else terminal.line(level === 'warning' ? terminal.style('yellow', text) : text)
}
