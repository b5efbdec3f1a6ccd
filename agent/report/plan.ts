import type { Step } from '../reconcile/step.ts'
import { type ChangeReport, reportChange } from './change.ts'
import type { Terminal } from './terminal.ts'

/** More changes than this of one kind are counted, not listed; --json lists them all. */
const LISTED_OF_ONE_KIND = 12

const MARKS = { create: '+', update: '~', delete: '-', start: '>', install: '+' } as const
const COLORS = { create: 'green', update: 'yellow', delete: 'red', start: 'green', install: 'green' } as const

export function reportsOf(steps: readonly Step[]): ChangeReport[] {
  return steps.map(reportChange)
}

/** One line per change, in the order in which they are made; `below` prints more of one of them. */
export function printChanges(
  terminal: Terminal,
  changes: readonly ChangeReport[],
  below: (change: ChangeReport) => void = () => undefined,
): void {
  const counts = new Map<string, number>()
  for (const change of changes) {
    const kind = `${change.id} ${change.action}`
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    if (count > LISTED_OF_ONE_KIND) continue
    terminal.line(changeLine(terminal, change))
    below(change)
  }
  for (const [kind, count] of counts)
    if (count > LISTED_OF_ONE_KIND)
      terminal.line(terminal.style('dim', `    and ${count - LISTED_OF_ONE_KIND} more: ${kind}`))
}

/** What the user should know beside the changes. */
export function printNotes(terminal: Terminal, notes: readonly string[]): void {
  for (const note of notes) terminal.line(`  ${terminal.style('yellow', '!')} ${note}`)
}

function changeLine(terminal: Terminal, { id, action, subject, before, after }: ChangeReport): string {
  const mark = terminal.style(COLORS[action], MARKS[action])
  return `  ${mark} ${id.padEnd(20)} ${subject}${detail(before, after)}`
}

function detail(before: string | null, after: string | null): string {
  // A file's text would fill the screen; its path says enough.
  if (before?.includes('\n') === true || after?.includes('\n') === true) return ''
  if (before === null) return `  ${after}`
  return after === null ? `  (was ${before})` : `  ${before} -> ${after}`
}

export function countChanges(count: number): string {
  return count === 1 ? '1 change' : `${count} changes`
}
