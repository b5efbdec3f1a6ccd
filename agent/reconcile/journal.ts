import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Files } from '../host/files.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import { FORMAT, isListOfTexts, isSetting, parseMemory } from './memory.ts'
import type { Role } from './role.ts'
import type { Step } from './step.ts'

export const STATE_FOLDER = 'var/lib/rs-agent'

/** What a run that never ended had set out to do. */
export interface Interrupted {
  verb: 'apply' | 'remove'
  startedAt: string
  steps: Step[]
  /** Kernel parameters that the role needs once the run is done. */
  needs: SysctlPath[]
  /** Steps that were surely made; the next ones may have been. */
  done: number
}

/**
 * The record of a run under way. Its first line, on the disk before the first step, holds every step with
 * the values found, so that whatever ends the run, the next one knows what may have changed.
 */
export interface Journal {
  /** Returns the time that names the run, here and in the state that it commits. */
  begin(run: Pick<Interrupted, 'verb' | 'needs'> & { steps: readonly Step[] }): string
  /** Counts steps as made. Not flushed: recovery looks at the host, the count is for people. */
  mark(count: number): void
  clear(): void
  interrupted(): Interrupted | null
}

export function journalPath({ journalName }: Role): string {
  return `${STATE_FOLDER}/${journalName}.jsonl`
}

export function journalIn(files: Files, role: Role): Journal {
  const path = journalPath(role)
  return {
    begin({ verb, steps, needs }) {
      const startedAt = new Date().toISOString()
      const first = { format: FORMAT, verb, startedAt, needs, steps }
      const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
      files.write(path, { content: `${JSON.stringify(first)}\n`, mode: 0o600, ...owner })
      return startedAt
    },
    mark: count => appendFileSync(join(files.root, path), `${JSON.stringify({ made: count })}\n`),
    clear: () => files.remove(path),
    interrupted() {
      const form = files.read(path)
      return form === null ? null : parseJournal(form.content, join(files.root, path))
    },
  }
}

function parseJournal(text: string, where: string): Interrupted {
  const [first = '', ...marks] = text.split('\n')
  // The first line was on the disk as a whole before any step: one that cannot be read was damaged since.
  const { verb, startedAt, steps, needs } = parseMemory<Interrupted>(
    first,
    where,
    ({ verb, startedAt, steps, needs }) =>
      (verb === 'apply' || verb === 'remove') &&
      typeof startedAt === 'string' &&
      isListOfTexts(needs) &&
      Array.isArray(steps) &&
      steps.every(step => isSetting(step?.change) && typeof step.resource === 'string'),
  )
  return { verb, startedAt, steps, needs, done: marks.reduce((sum, mark) => sum + countIn(mark), 0) }
}

/** Marks are not flushed: the last one may be cut off. */
function countIn(mark: string): number {
  return Number(/^\{"made":(\d+)\}$/.exec(mark)?.[1] ?? 0)
}
