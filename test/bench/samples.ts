import type { Measured, Unit } from './figure.ts'

/** The median of what was sampled; of nothing there is none. */
export function medianOf(name: string, unit: Unit, samples: readonly number[]): Measured {
  const spread = samples.length === 0 ? null : quantile(samples, 0.75) - quantile(samples, 0.25)
  return { ...quantileOf(name, unit, samples, 0.5), spread }
}

/** The value that this share of the samples does not exceed. */
export function quantileOf(name: string, unit: Unit, samples: readonly number[], share: number): Measured {
  const value = samples.length === 0 ? null : quantile(samples, share)
  return { name, value, unit, spread: null, samples: samples.length }
}

/** What was counted once. */
export function countOf(name: string, unit: Unit, value: number): Measured {
  return { name, value, unit, spread: null, samples: 1 }
}

/** The nearest sample below: no value is told that was not seen. */
function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
}
