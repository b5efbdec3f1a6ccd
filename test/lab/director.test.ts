import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { hasIpvs } from '../support/has-ipvs.ts'
import { KERNELS_UNDER_TEST, type KernelName } from './kernel.ts'
import { runTestsOn, type TestRun } from './tests-in-guest.ts'

/**
 * The director needs IPVS. Where this machine's kernel has it, vitest runs test/director/ by itself, and no guest has
 * to stand in for it; `npm run test:lab` boots both kernels all the same.
 */
const folder = new URL('../director', import.meta.url)
const files = readdirSync(folder).filter(name => name.endsWith('.test.ts'))
const kernels = hasIpvs() && KERNELS_UNDER_TEST.length === 1 ? [] : KERNELS_UNDER_TEST
const runs = new Map<KernelName, TestRun>()
// Beside the other tests, to which they give way; `npm test` as a whole has 90 minutes.
const limitMs = 70 * 60_000
const bootMs = 10 * 60_000
/** As many bytes of tests take as long as a Debian from nothing, roughly. */
const DEBIAN_BYTES = 30_000

// A guest has one CPU, and what runs tests has two or more: each kernel shares the files out between two guests.
const shares = shareOut(files)

beforeAll(async () => {
  await Promise.all(kernels.map(async kernel => runs.set(kernel, await runOn(kernel))))
}, limitMs + bootMs)

async function runOn(kernel: KernelName): Promise<TestRun> {
  const parts = await Promise.all(
    shares.map(share =>
      runTestsOn(kernel, { files: share.map(file => `test/director/${file}`) }, { limitMs }),
    ),
  )
  const outcomes = parts.flatMap(part => part.outcomes)
  return { ...parts[0], outcomes, failure: parts.find(({ failure }) => failure !== undefined)?.failure }
}

it('runs where there is IPVS: here, or in a guest', () => {
  expect(hasIpvs() || kernels.length > 0).toBe(true)
})

describe.each(kernels)('on the %s kernel of the lab', kernel => {
  const run = () => runs.get(kernel) ?? expect.unreachable('the guest was not started')

  it('runs every file of test/director', () => {
    const { failure, outcomes, release } = run()
    if (failure !== undefined) throw failure
    expect(new Set(outcomes.map(({ file }) => file))).toEqual(new Set(files))
    expect(release).toMatch(/^\d+\.\d+/)
  })

  it.each(files)('passes all of test/director/%s', file => {
    const { failure, outcomes } = run()
    const own = outcomes.filter(outcome => outcome.file === file)
    if (own.length === 0) throw new Error('no test of it ended', { cause: failure })
    const failed = own.filter(({ state }) => state !== 'passed')
    expect(failed.map(({ name, state, errors }) => [name, state, ...errors].join('\n'))).toEqual([])
  })
})

/** Into two of about the same length: the longer a file, the longer it runs, roughly. */
function shareOut(names: readonly string[]): string[][] {
  const shares = [0, 1].map(() => ({ names: [] as string[], bytes: 0 }))
  const sizes = names.map(name => {
    const text = readFileSync(new URL(`../director/${name}`, import.meta.url), 'utf8')
    return { name, bytes: text.length + (/\/(debian-host|share-scene)\.ts'/.test(text) ? DEBIAN_BYTES : 0) }
  })
  for (const { name, bytes } of sizes.toSorted((left, right) => right.bytes - left.bytes)) {
    const [lighter] = shares.toSorted((left, right) => left.bytes - right.bytes)
    lighter?.names.push(name)
    if (lighter) lighter.bytes += bytes
  }
  return shares.map(share => share.names)
}
