import { beforeAll, describe, expect, it } from 'vitest'
import type { KernelName } from './kernel.ts'
import { listTests, runTestsOn, type TestRun } from './tests-in-guest.ts'

/** What must hold on every kernel that rs-agent supports, not only on this machine's. */
const files = ['test/kernel/hand-edits.test.ts']

const kernels: KernelName[] = ['oldest', 'newest']
const names = await listTests(files)
const runs = new Map<KernelName, TestRun>()

// Both at once: a guest has one CPU, and what runs tests has two or more.
beforeAll(async () => {
  await Promise.all(kernels.map(async kernel => runs.set(kernel, await runTestsOn(kernel, files))))
}, 60 * 60_000)

describe.each(kernels)('on the %s kernel of the lab', kernel => {
  const run = () => runs.get(kernel) ?? expect.unreachable('the guest was not started')

  it('runs every test of the files', () => {
    const { failure, outcomes, release } = run()
    if (failure !== undefined) throw failure
    expect(names).not.toHaveLength(0)
    expect(outcomes.map(({ name }) => name).sort()).toEqual([...names].sort())
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
