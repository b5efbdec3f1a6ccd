import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { bootGuest, type Guest } from './guest.ts'
import type { KernelName } from './kernel.ts'
import { OUTCOMES_VARIABLE, type Outcome, parseOutcomes } from './outcome.ts'

export interface TestRun {
  /** As `uname -r` prints it; absent when the guest did not boot. */
  release?: string
  /** Of the tests that ended. */
  outcomes: Outcome[]
  /** Why tests may be missing: the guest died, or vitest failed as a whole. */
  failure?: unknown
}

/** Names of all tests in the files, without running them. */
export async function listTests(files: readonly string[]): Promise<string[]> {
  // Not parsed but collected: names are made in loops.
  const list = [vitest, 'list', '--json', '--no-static-parse', ...config, ...files]
  const { stdout } = await execa(process.execPath, list, {
    cwd: project,
    env: notInside,
  })
  return JSON.parse(stdout).map(({ name }: { name: string }) => name)
}

/** Boots the kernel and runs the test files on it. Does not reject: what was found until then counts. */
export async function runTestsOn(kernel: KernelName, files: readonly string[]): Promise<TestRun> {
  try {
    await using guest = await bootGuest({ kernel })
    return { release: guest.kernel.release, ...(await runTestsIn(guest, files)) }
  } catch (failure) {
    return { outcomes: [], failure }
  }
}

async function runTestsIn(guest: Guest, files: readonly string[]): Promise<TestRun> {
  const { outside, inside } = guest.exchange
  const outcomes = () => {
    const file = join(outside, 'outcomes')
    return existsSync(file) ? parseOutcomes(readFileSync(file, 'utf8')) : []
  }
  try {
    const args = [vitest, 'run', ...config, `--reporter=${reporter}`, ...slowMachine, ...files]
    const { exitCode, stdout, stderr } = await guest.run(process.execPath, args, {
      cwd: project,
      env: { [OUTCOMES_VARIABLE]: `${inside}/outcomes` },
      timeoutMs: runLimitMs,
    })
    // Failed tests speak for themselves: this is for vitest's own troubles, which have no test to belong to.
    if (exitCode === 0) return { outcomes: outcomes() }
    return { outcomes: outcomes(), failure: new Error(`vitest: exit code ${exitCode}:\n${stdout}${stderr}`) }
  } catch (failure) {
    return { outcomes: outcomes(), failure }
  }
}

const project = fileURLToPath(new URL('../..', import.meta.url))
const vitest = join(project, 'node_modules/vitest/vitest.mjs')
const reporter = join(project, 'test/lab/outcome-reporter.ts')
const config = ['--config', 'test/vitest.config.ts']
// Emulated, everything takes some twenty times longer, and more while the other guest boots.
const slowMachine = ['--testTimeout=600000', '--hookTimeout=600000', '--maxWorkers=1', '--no-isolate']
const runLimitMs = 30 * 60_000

// Else the inner vitest takes itself for a worker of the outer one.
const notInside = { VITEST: undefined, VITEST_WORKER_ID: undefined, VITEST_POOL_ID: undefined }
