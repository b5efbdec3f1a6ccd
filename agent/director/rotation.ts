import type { Files } from '../host/files.ts'
import type { IpAddress } from '../model/address.ts'
import { forgetDrained, readDrained } from './drained.ts'
import { forgetReport, recallReport, type Standings, standingsIn } from './rotation-report.ts'

/**
 * What is known of the real servers beside the configuration, as every command must take it into account: who was
 * drained by hand, and who is found down by `director run`. Each in a file of its own: a drain outlasts a reboot, what
 * checks have found does not even outlast the checks.
 */
export interface Rotation {
  drained: ReadonlySet<IpAddress>
  /** Null where nobody checks: then all are taken for up. */
  standings: Standings | null
  /** Null where nobody would see a slow start to its end: then all have their whole weights. */
  inRotation: TimesInRotation | null
}

export const AS_CONFIGURED: Rotation = { drained: new Set(), standings: null, inRotation: null }

/** By `serviceText` and `destinationText`; one that is not there is not in rotation. */
export type TimesInRotation = Readonly<
  Record<string, Readonly<Record<string, { /** Milliseconds; null: for long. */ forMs: number | null }>>>
>

/** What every command goes by; throws where the file of drains cannot be read. */
export function recallRotation(files: Files): Rotation {
  const report = recallReport(files)
  return {
    drained: readDrained(files),
    standings: report === null ? null : standingsIn(report),
    inRotation: report?.inRotation ?? null,
  }
}

/** Nothing is left of it when the role goes. */
export function forgetRotation(files: Files): void {
  forgetDrained(files)
  forgetReport(files)
}
