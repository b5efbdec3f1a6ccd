/** How one test ended. */
export interface Outcome {
  /** Name of its file, without folders. */
  file: string
  /** With the names of its describes, as vitest joins them. */
  name: string
  state: 'passed' | 'failed' | 'skipped' | 'pending'
  durationMs: number
  /** Message and place of each error. */
  errors: string[]
}

/** One line of JSON for each test, as soon as it has ended: what is known when a guest dies half-way. */
export function parseOutcomes(lines: string): Outcome[] {
  return lines
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

/** Where the reporter in a guest writes them. */
export const OUTCOMES_VARIABLE = 'RS_AGENT_LAB_OUTCOMES'
