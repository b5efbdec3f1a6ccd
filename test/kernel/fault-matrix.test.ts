import { afterAll, describe, expect, it } from 'vitest'
import type { Row } from '../support/fault-row.ts'
import { runRow } from '../support/fault-run.ts'
import { NeighbourhoodPool } from '../support/neighbourhood-pool.ts'
import { GROUPS, rowsBeyondThisKernel, rowsOf } from './fault-matrix/groups.ts'
import { rows } from './fault-matrix/rows.ts'

/** One fault put into a healthy real server: what verify says of it, what it leaves behind, and what others see. */
const pool = new NeighbourhoodPool()
afterAll(() => pool[Symbol.asyncDispose]())

describe.concurrent(GROUPS.together, () => rowsOf('together').forEach(define))

describe(GROUPS.alone, () => rowsOf('alone').forEach(define))

// What this kernel cannot run, others do: test/lab/kernels.test.ts.
const elsewhere = await rowsBeyondThisKernel()
const here = rowsOf('special').filter(row => !elsewhere.includes(row))
if (here.length > 0) describe.concurrent(GROUPS.special, () => here.forEach(define))

it('has a name of its own for every row, and tells which ones are left to other kernels', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  const lines = elsewhere.map(({ name, needs = [] }) => `  ${name}: needs ${needs.join(', ')}\n`)
  process.stderr.write(`${lines.length} of ${rows.length} faults are left to the guests\n${lines.join('')}`)
})

function define(row: Row): void {
  it(row.name, () =>
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
