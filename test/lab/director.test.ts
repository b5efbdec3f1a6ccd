import { readdirSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { hasIpvs } from '../support/has-ipvs.ts'
import { runTestsOn, type TestRun } from './tests-in-guest.ts'

/**
 * The director needs IPVS. Where this machine's kernel has it, vitest runs test/director/ by itself; where not, one
 * guest runs all of it here.
 */
const folder = new URL('../director', import.meta.url)
const files = readdirSync(folder).filter(name => name.endsWith('.test.ts'))
const limitMs = 40 * 60_000
const bootMs = 10 * 60_000
let run: TestRun | undefined

beforeAll(async () => {
  if (!hasIpvs()) run = await runTestsOn('newest', { files: ['test/director/'] }, { limitMs })
}, limitMs + bootMs)

it('runs where there is IPVS: here, or in a guest', () => {
  if (run === undefined) return expect(hasIpvs()).toBe(true)
  if (run.failure !== undefined) throw run.failure
  expect(new Set(run.outcomes.map(({ file }) => file))).toEqual(new Set(files))
})

it.each(files)('passes all of test/director/%s', file => {
  if (run === undefined) return expect(hasIpvs()).toBe(true)
  const outcomes = run.outcomes.filter(outcome => outcome.file === file)
  if (outcomes.length === 0) throw new Error('no test of it ended', { cause: run.failure })
  const failed = outcomes.filter(({ state }) => state !== 'passed')
  expect(failed.map(({ name, state, errors }) => [name, state, ...errors].join('\n'))).toEqual([])
})
