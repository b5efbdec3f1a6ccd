import { afterAll, describe, expect, it } from 'vitest'
import type { Row } from '../support/fault-row.ts'
import { runRow } from '../support/fault-run.ts'
import { kernelFeatures } from '../support/kernel-features.ts'
import { NeighbourhoodPool } from '../support/neighbourhood-pool.ts'
import { GROUPS, groupOf } from './fault-matrix/groups.ts'
import { rows } from './fault-matrix/rows.ts'

/** One fault put into a healthy real server: what verify says of it, what it leaves behind, and what others see. */
const features = await kernelFeatures()
const missing = ({ needs = [] }: Row) => needs.filter(feature => !features.has(feature))

const pool = new NeighbourhoodPool()
afterAll(() => pool[Symbol.asyncDispose]())

describe.concurrent(GROUPS.together, () => {
  for (const row of rows) if (groupOf(row) === 'together') define(row)
})

describe(GROUPS.alone, () => {
  for (const row of rows) if (groupOf(row) === 'alone') define(row)
})

describe.concurrent(GROUPS.special, () => {
  for (const row of rows) if (groupOf(row) === 'special') define(row)
})

it('has a name of its own for every row, and tells which ones this kernel cannot run', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  const left = rows.filter(row => missing(row).length > 0)
  const lines = left.map(row => `  ${row.name}: needs ${missing(row).join(', ')}\n`)
  process.stderr.write(`${left.length} of ${rows.length} faults need another kernel\n${lines.join('')}`)
})

function define(row: Row): void {
  // Skipped by its name, so that a run on another kernel can be held against this one.
  it.skipIf(missing(row).length > 0)(row.name, () =>
    pool.use(
      async neighbourhood => {
        const problems = await runRow(row, neighbourhood, killAfterPart(row))
        expect(problems, problems.join('\n')).toEqual([])
      },
      { spoils: row.spoilsNeighbours ?? false },
    ),
  )
}

/** Spread over the rows, so that together they kill verify at every moment of its work. */
function killAfterPart(row: Row): number {
  return 0.1 + (0.9 * rows.indexOf(row)) / rows.length
}
