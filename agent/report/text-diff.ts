import { createTwoFilesPatch } from 'diff'
import type { ChangeReport } from './change.ts'
import type { Terminal } from './terminal.ts'

/** Of a long new file the beginning says what it is; --json has all of it. */
const LISTED_LINES = 60
const CONTEXT_LINES = 2
/** `===`, `---` and `+++`: the line of the change itself says which file it is. */
const HEADING = 4

/** Prints what changes in a file, line by line, below the line that says that it changes. */
export function printTextDiff(terminal: Terminal, { subject, before, after }: ChangeReport): void {
  const patch = createTwoFilesPatch(subject, subject, before ?? '', after ?? '', '', '', {
    context: CONTEXT_LINES,
  })
  const lines = patch.split('\n').slice(HEADING, -1)
  for (const line of lines.slice(0, LISTED_LINES)) terminal.line(`      ${colored(terminal, line)}`)
  if (lines.length > LISTED_LINES)
    terminal.line(terminal.style('dim', `      and ${lines.length - LISTED_LINES} lines more`))
}

function colored(terminal: Terminal, line: string): string {
  if (line.startsWith('+')) return terminal.style('green', line)
  if (line.startsWith('-')) return terminal.style('red', line)
  return line.startsWith('@@') ? terminal.style('dim', line) : line
}
