import { afterAll, describe, expect, it } from 'vitest'
import { runRow } from '../support/fault-run.ts'
import { kernelFeatures } from '../support/kernel-features.ts'
import { NeighbourhoodPool } from '../support/neighbourhood-pool.ts'
import { rows } from './fault-matrix/rows.ts'

/** One fault put into a healthy real server: what verify says of it, what it leaves behind, and what others see. */
const features = await kernelFeatures()
const runnable = rows.filter(({ needs = [] }) => needs.every(feature => features.has(feature)))
const others = rows.filter(row => !runnable.includes(row))

const pool = new NeighbourhoodPool()
afterAll(() => pool[Symbol.asyncDispose]())

/** Spread over the rows, so that together they kill verify at every moment of its work. */
const [firstKillMs, lastKillMs] = [40, 400]

describe.concurrent('verify', () => {
  for (const [index, row] of runnable.entries()) {
    const killAfterMs = Math.round(firstKillMs + ((lastKillMs - firstKillMs) * index) / rows.length)
    it(row.name, () =>
      pool.use(
        async neighbourhood => {
          expect(await runRow(row, neighbourhood, killAfterMs)).toEqual([])
        },
        { spoils: row.spoilsNeighbours ?? false },
      ),
    )
  }
})

for (const { name } of others) it.skip(name)
