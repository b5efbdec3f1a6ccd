import { beforeAll, describe, expect, it } from 'vitest'
import { fullNameOf, GROUPS, rowsBeyondThisKernel, rowsOf } from '../kernel/fault-matrix/groups.ts'
import { rows } from '../kernel/fault-matrix/rows.ts'
import type { KernelFeature } from '../support/kernel-features.ts'
import { KERNELS_UNDER_TEST, type KernelName } from './kernel.ts'
import { runTestsOn, type Selection, type TestRun } from './tests-in-guest.ts'

/**
 * What must hold on every kernel that rs-agent supports, not only on this machine's. `npm test` runs on the newest one
 * what this machine's kernel may not be able to, `npm run test:lab` on the oldest one too; `npm run test:kernels` runs
 * the whole matrix on both, which takes hours.
 */
const isWhole = process.env.RS_AGENT_FAULTS === 'all'
const selection: Selection = {
  files: ['test/kernel/fault-matrix.test.ts'],
  ...(isWhole ? {} : { named: GROUPS.special }),
}

const chosen = isWhole ? rows : rowsOf('special')
/** What a kernel of the lab is too old for. */
const LACKING: Record<KernelName, readonly KernelFeature[]> = { oldest: ['egress hook'], newest: [] }
const namesOn = (kernel: KernelName): string[] =>
  chosen.filter(({ needs = [] }) => !needs.some(feature => LACKING[kernel].includes(feature))).map(fullNameOf)
const runs = new Map<KernelName, TestRun>()

// Five minutes, or an hour and a half, where nothing else runs.
const limitMs = (isWhole ? 180 : 40) * 60_000
const bootMs = 10 * 60_000

// Both at once: a guest has one CPU, and what runs tests has two or more.
beforeAll(async () => {
  const run = async (kernel: KernelName) => runs.set(kernel, await runTestsOn(kernel, selection, { limitMs }))
  await Promise.all(KERNELS_UNDER_TEST.map(run))
}, limitMs + bootMs)

it("leaves no fault out that this machine's kernel cannot have", async () => {
  const elsewhere = await rowsBeyondThisKernel()
  expect(namesOn('newest')).toEqual(expect.arrayContaining(elsewhere.map(fullNameOf)))
})

describe.each(KERNELS_UNDER_TEST)('on the %s kernel of the lab', kernel => {
  const run = () => runs.get(kernel) ?? expect.unreachable('the guest was not started')
  const names = namesOn(kernel)

  it('runs every test of the files', () => {
    const { failure, outcomes, release } = run()
    if (failure !== undefined) throw failure
    expect(names).not.toHaveLength(0)
    const ended = outcomes.map(({ name }) => name).filter(name => names.includes(name))
    expect(ended.sort()).toEqual([...names].sort())
    expect(release).toMatch(/^\d+\.\d+/)
  })

  for (const name of names)
    it(name, () => {
      const { failure, outcomes } = run()
      const outcome = outcomes.find(each => each.name === name)
      if (!outcome) throw new Error('did not end', { cause: failure })
      if (outcome.state !== 'passed') throw new Error([outcome.state, ...outcome.errors].join('\n'))
    })
})
