import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Files } from '../host/files.ts'
import type { Step } from './step.ts'

export const STATE_FOLDER = 'var/lib/rs-agent'
export const JOURNAL_PATH = `${STATE_FOLDER}/journal.jsonl`
const FORMAT = 1

/** What a run that never ended had set out to do. */
export interface Interrupted {
  verb: 'apply' | 'remove'
  startedAt: string
  steps: Step[]
  /** Steps that were surely made; the next ones may have been. */
  done: number
}

/**
 * The record of a run under way. Its first line, on the disk before the first step, holds every step with
 * the values found, so that whatever ends the run, the next one knows what may have changed.
 */
export interface Journal {
  /** Returns the time that names the run, here and in the state that it commits. */
  begin(verb: Interrupted['verb'], steps: readonly Step[]): string
  /** Counts steps as made. Not flushed: recovery looks at the host, the count is for people. */
  mark(count: number): void
  clear(): void
  interrupted(): Interrupted | null
}

export function journalIn(files: Files): Journal {
  return {
    begin(verb, steps) {
      const startedAt = new Date().toISOString()
      const first = { format: FORMAT, verb, startedAt, steps }
      const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
      files.write(JOURNAL_PATH, { content: `${JSON.stringify(first)}\n`, mode: 0o600, ...owner })
      return startedAt
    },
    mark: count => appendFileSync(join(files.root, JOURNAL_PATH), `${JSON.stringify({ made: count })}\n`),
    clear: () => files.remove(JOURNAL_PATH),
    interrupted() {
      const form = files.read(JOURNAL_PATH)
      return form === null ? null : parseJournal(form.content)
    },
  }
}

function parseJournal(text: string): Interrupted | null {
  const [first, ...marks] = text.split('\n').map(parseLine)
  // The first line is written as a whole before any step: without it, nothing was done.
  if (first === null || first === undefined || !('steps' in first)) return null
  const { verb, startedAt, steps } = first as unknown as Interrupted
  const done = marks.reduce((sum, mark) => sum + (mark !== null && 'made' in mark ? Number(mark.made) : 0), 0)
  return { verb, startedAt, steps, done }
}

/** Null for a line that was cut off. */
function parseLine(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' ? (value as Record<string, unknown>) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
