import { appendFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Reporter, TestCase } from 'vitest/node'
import { OUTCOMES_VARIABLE, type Outcome } from './outcome.ts'

/** A reporter of vitest, for the one that runs in a guest. */
export default class OutcomeReporter implements Reporter {
  readonly #file = process.env[OUTCOMES_VARIABLE]

  onTestCaseResult(test: TestCase): void {
    if (this.#file === undefined) throw new Error(`${OUTCOMES_VARIABLE} names no file`)
    const { state, errors = [] } = test.result()
    const outcome: Outcome = {
      file: basename(test.module.moduleId),
      name: test.fullName,
      state,
      durationMs: test.diagnostic()?.duration ?? 0,
      errors: errors.map(({ message, diff, stacks = [] }) => {
        const places = stacks.map(({ file, line, column }) => `    at ${file}:${line}:${column}`)
        return [message, diff, ...places].filter(Boolean).join('\n')
      }),
    }
    appendFileSync(this.#file, `${JSON.stringify(outcome)}\n`)
  }
}
