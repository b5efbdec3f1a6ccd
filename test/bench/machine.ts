import { cpus, loadavg, release, totalmem } from 'node:os'

/** Where figures come from: without it none of them says much. */
export interface Machine {
  cpu: string
  cpus: number
  /** Release of Linux. */
  kernel: string
  node: string
  memoryBytes: number
  /** Processes that ran or waited to, in the last minute: far above `cpus` others were busy there as well. */
  load: number
}

export function describeMachine(): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cpus: all.length,
    kernel: release(),
    node: process.version,
    memoryBytes: totalmem(),
    load: loadNow(),
  }
}

/** The 1-minute average. */
export function loadNow(): number {
  return loadavg()[0] ?? Number.NaN
}
