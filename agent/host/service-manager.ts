import { messageOf } from '../errors.ts'
import { sendDatagram } from './native.ts'

/** What a service tells whoever started it, by the protocol of sd_notify(3). Nothing here throws. */
export interface ServiceManager {
  /** The service does its work, for the first time or again after `reloading`. `status`: one line for people. */
  ready(status: string): void
  /** What it does now, one line for people. */
  status(text: string): void
  /** It reads its configuration again, until it is `ready`. */
  reloading(): void
  stopping(): void
  /** It is not stuck; to be said at least once in `watchdogMs`, better twice. */
  alive(): void
  /** It is killed and started anew when it has not been `alive` for so long; null where nobody watches. */
  readonly watchdogMs: number | null
}

/**
 * Whoever started this process and waits to be told, as `NOTIFY_SOCKET` says; where it is not set all of it does
 * nothing. Takes the variables of the protocol out of `env`: a child that inherited them could speak for this process.
 * `complain` hears, once, that there is nobody who listens.
 */
export function serviceManagerOf(
  env: NodeJS.ProcessEnv = process.env,
  complain: (message: string) => void = text => void process.stderr.write(`${text}\n`),
): ServiceManager {
  const socket = env.NOTIFY_SOCKET ?? ''
  const watchdogMs = socket === '' ? null : watchdogOf(env)
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name]
  let isHeard = true
  const tell = (...lines: string[]): void => {
    if (socket === '') return
    try {
      sendDatagram(socket, Buffer.from(lines.join('\n')), SEND_LIMIT_MS)
      isHeard = true
    } catch (error) {
      // It restarts, or is gone: the work goes on without.
      if (isHeard) complain(`cannot tell the service starter: ${messageOf(error)}`)
      isHeard = false
    }
  }
  return {
    watchdogMs,
    ready: status => tell('READY=1', statusLine(status)),
    status: text => tell(statusLine(text)),
    // The time tells systemd which of several reloads this is (Type=notify-reload).
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    stopping: () => tell('STOPPING=1'),
    alive: () => tell('WATCHDOG=1'),
  }
}

/** systemd reads its socket at once; one that does not must not hold up the repairs. */
const SEND_LIMIT_MS = 200

/** sd_watchdog_enabled(3): microseconds, meant for the process of that id alone. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | null {
  const isForUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid)
  const usec = Number(WATCHDOG_USEC)
  return isForUs && usec > 0 && Number.isSafeInteger(usec) ? usec / 1_000 : null
}

/** A line break would begin another assignment. */
function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(/\s*\n\s*/g, '; ')}`
}
