import type { Measured } from './figure.ts'
import { medianOf } from './samples.ts'

/** One of those that are timed side by side: machines differ and are noisy, ratios of medians are not. */
export interface Contestant extends Pick<Measured, 'name' | 'peer' | 'target' | 'note'> {
  /** Runs once; returns the milliseconds to count, or nothing when the whole call counts. */
  run(): Promise<number | undefined>
  /** Brings everything back to where the next run starts; not counted. */
  reset?(): Promise<void>
}

/** Runs the contestants in turn, so that a slow moment of the machine meets them all. */
export async function measure(contestants: readonly Contestant[], rounds: number): Promise<Measured[]> {
  const entries = contestants.map(contestant => ({ ...contestant, samples: [] as number[] }))
  for (let round = 0; round < rounds; round++)
    for (const { run, reset, samples } of entries) {
      const startedAt = performance.now()
      const own = await run()
      samples.push(own ?? performance.now() - startedAt)
      await reset?.()
    }
  return entries.map(({ run, reset, samples, ...entry }) => ({
    ...medianOf(entry.name, 'ms', samples),
    ...entry,
  }))
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
