/** What the benchmark finds, as data: whoever measures gives it, and table.ts alone prints it. */

export type Unit = 'ms' | '%' | 'MiB' | 'MB' | 'a second' | 'bytes' | 'times'

/** What is wanted of the value, of its ratio to the peer's, or of what it has above the peer's. */
export interface Target {
  of: 'value' | 'ratio' | 'excess'
  bound: 'at most' | 'under' | 'at least'
  limit: number
}

/** One figure as a group's own code gives it. */
export interface Measured {
  name: string
  /** A median, unless the name says something else. Null where it never came about. */
  value: number | null
  unit: Unit
  /** Interquartile range: half of the samples lie in it. Null where the value is no median. */
  spread: number | null
  samples: number
  /** The figure of the same group that this one is measured against. One with two peers is given twice. */
  peer?: string
  target?: Target
  note?: string
}

export type Verdict = 'met' | 'missed' | 'unknown'

export interface Figure extends Measured {
  group: string
  /** The value over the peer's; absent without a peer, or where either never came about. */
  ratio?: number
  /** The value less the peer's, in the same unit. */
  excess?: number
  /** Absent without a target. */
  verdict?: Verdict
}

/** Sets the figures of one group beside their peers, and judges them. */
export function besidePeers(group: string, all: readonly Measured[]): Figure[] {
  return all.map(measured => {
    const figure: Figure = { group, ...measured, ...comparisonOf(measured, all) }
    return figure.target === undefined ? figure : { ...figure, verdict: verdictOf(figure, figure.target) }
  })
}

function comparisonOf({ name, value, peer }: Measured, all: readonly Measured[]): Partial<Figure> {
  if (peer === undefined) return {}
  const base = all.find(each => each.name === peer)
  if (base === undefined) throw new Error(`${name} has no peer ${peer}`)
  if (value === null || base.value === null) return {}
  return { ratio: value / base.value, excess: value - base.value }
}

function verdictOf(figure: Figure, { of, bound, limit }: Target): Verdict {
  // Ours never came about: whatever was wanted of it, this is not it.
  if (figure.value === null) return 'missed'
  const found = figure[of] ?? null
  if (found === null) return 'unknown'
  switch (bound) {
    case 'at most':
      return found <= limit ? 'met' : 'missed'
    case 'under':
      return found < limit ? 'met' : 'missed'
    case 'at least':
      return found >= limit ? 'met' : 'missed'
    default:
      return bound satisfies never
  }
}
