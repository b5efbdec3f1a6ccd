/** Figures of one run, taken side by side: machines differ and are noisy, ratios of medians are not. */
export interface Contestant {
  name: string
  /** Runs once; returns the milliseconds to count, or nothing when the whole call counts. */
  run(): Promise<number | undefined>
  /** Brings everything back to where the next run starts; not counted. */
  reset?(): Promise<void>
}

export interface Figure {
  name: string
  medianMs: number
  /** Interquartile range: half of the runs lie in it. */
  spreadMs: number
  runs: number
}

/** Runs the contestants in turn, so that a slow moment of the machine meets them all. */
export async function measure(contestants: readonly Contestant[], rounds: number): Promise<Figure[]> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round++)
    for (const { name, run, reset } of contestants) {
      const startedAt = performance.now()
      const own = await run()
      samples.get(name)?.push(own ?? performance.now() - startedAt)
      await reset?.()
    }
  return [...samples].map(([name, values]) => figure(name, values))
}

function figure(name: string, values: number[]): Figure {
  const sorted = values.toSorted((left, right) => left - right)
  const quantile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return { name, medianMs: quantile(0.5), spreadMs: quantile(0.75) - quantile(0.25), runs: sorted.length }
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

export function ms(value = Number.NaN): string {
  return `${value.toFixed(1)} ms`
}
