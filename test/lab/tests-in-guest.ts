import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** Which tests of this project. */
export interface Selection {
  files: readonly string[]
  /** What their names contain; every test of the files without it. */
  named?: string
}

function argumentsOf({ files, named }: Selection): string[] {
  return [...(named === undefined ? [] : ['-t', named]), ...files]
}

/**
 * Boots the kernel and runs the test files on it, until the limit by the clock outside at the latest. Does not
 * reject: what was found until then counts.
 */
export async function runTestsOn(
  kernel: KernelName,
  selection: Selection,
  { limitMs }: { limitMs: number },
): Promise<TestRun> {
  try {
    await using guest = await bootGuest({ kernel })
    return { release: guest.kernel.release, ...(await runTestsIn(guest, selection, limitMs)) }
  } catch (failure) {
    return { outcomes: [], failure }
  }
}

async function runTestsIn(guest: Guest, selection: Selection, limitMs: number): Promise<TestRun> {
  const { outside, inside } = guest.exchange
  const outcomes = () => {
    const file = join(outside, 'outcomes')
    return existsSync(file) ? parseOutcomes(readFileSync(file, 'utf8')) : []
  }
  try {
    const args = [...vitestInGuest, `--reporter=${reporter}`, ...argumentsOf(selection)]
    const { exitCode, stdout, stderr } = await guest.run(process.execPath, args, {
      cwd: project,
      env: { [OUTCOMES_VARIABLE]: `${inside}/outcomes` },
      timeoutMs: limitMs,
    })
    // Failed tests speak for themselves: this is for vitest's own troubles, which have no test to belong to.
    if (exitCode === 0) return { outcomes: outcomes() }
    return { outcomes: outcomes(), failure: new Error(`vitest: exit code ${exitCode}:\n${stdout}${stderr}`) }
  } catch (failure) {
    return { outcomes: outcomes(), failure }
  }
}

export const project = fileURLToPath(new URL('../..', import.meta.url))
const reporter = join(project, 'test/lab/outcome-reporter.ts')
/** For Node, in the folder of the project. */
export const vitestInGuest = [
  join(project, 'node_modules/vitest/vitest.mjs'),
  'run',
  ...['--config', 'test/vitest.config.ts'],
  // By the clock of the guest, which is that of a slow machine of one CPU.
  '--testTimeout=600000',
  '--hookTimeout=600000',
  '--maxWorkers=1',
  '--maxConcurrency=2',
  '--no-isolate',
]
