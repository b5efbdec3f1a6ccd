import type { Figure } from './figure.ts'
import type { Machine } from './machine.ts'

/** What `npm run bench -- --json` prints. */
export interface BenchReport {
  machine: Machine
  /** Where the groups with `where: guest` were measured; null when none was. */
  guest: Machine | null
  /** The 1-minute average of the machine when all was measured. */
  loadAfter: number
  groups: MeasuredGroup[]
  figures: Figure[]
}

export interface MeasuredGroup {
  name: string
  title: string
  where: 'here' | 'guest'
  /** By the clock outside. */
  tookMs: number
  /** Why it has no figures. */
  failure?: string
}
