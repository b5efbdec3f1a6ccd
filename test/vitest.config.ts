import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { hasIpvs } from './support/has-ipvs.ts'

/** What takes longest shall not begin last: where there are two workers, the other one does the rest meanwhile. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification) => moduleId.endsWith('/lab/kernels.test.ts')
    const sorted = await super.sort(files)
    return [...sorted.filter(isLongest), ...sorted.filter(file => !isLongest(file))]
  }
}

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    // Without IPVS lab/director.test.ts runs them, in a guest.
    exclude: [...configDefaults.exclude, ...(hasIpvs() ? [] : ['director/**'])],
    sequence: { sequencer: LongestFirst },
    // A test that was left out by hand must not pass for a test that passed.
    allowOnly: false,
    // Namespaces, storms and processes: a busy machine of two cores needs the time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The kernel takes namespaces and what is in them away when it finds the time to.
    expect: { poll: { timeout: 10_000 } },
  },
})
