import type { Explanation } from '../checks/explanation.ts'
import type { CheckResult } from '../checks/result.ts'
import type { Terminal } from './terminal.ts'
import { printResult } from './verify.ts'

/** A check with what the last verify found wrong of it. */
export type ExplainedCheck = Explanation & { id: string; results: readonly CheckResult[] }

const WIDTH = 96

export function printExplanations(terminal: Terminal, checks: readonly ExplainedCheck[]): void {
  checks.forEach(({ id, title, meaning, causes, show, mend, results }, index) => {
    if (index > 0) terminal.line()
    terminal.line(`${terminal.style('bold', id)}: ${title}`)
    for (const result of results) printResult(terminal, result)
    paragraph(terminal, meaning)
    list(
      terminal,
      'Causes',
      causes.map(text => ({ mark: '-', text })),
    )
    commands(terminal, 'Show', show)
    commands(terminal, 'Mend', mend)
  })
}

/** Nothing to explain: what there is. */
export function printChecksToExplain(
  terminal: Terminal,
  checks: readonly (readonly [id: string, Explanation])[],
  lastVerify: string | null,
): void {
  for (const [id, { title }] of checks) terminal.line(`  ${terminal.style('bold', id.padEnd(20))} ${title}`)
  const state =
    lastVerify === null
      ? 'no verify is remembered since the last boot'
      : `the verify of ${lastVerify} found nothing wrong`
  terminal.line(`rs-agent explain: ${state}; \`rs-agent explain ID\` explains one check`)
}

function paragraph(terminal: Terminal, text: string): void {
  terminal.line()
  for (const line of wrap(text, WIDTH - 2)) terminal.line(`  ${line}`)
}

/** What a shell takes, and what is for the hands. */
function commands(terminal: Terminal, title: string, lines: readonly string[]): void {
  const items = lines.map(line =>
    line.startsWith('# ') ? { mark: '-', text: line.slice(2) } : { mark: '$', text: line },
  )
  list(terminal, title, items)
}

function list(terminal: Terminal, title: string, items: readonly { mark: string; text: string }[]): void {
  terminal.line()
  terminal.line(`  ${terminal.style('bold', title)}`)
  for (const { mark, text } of items)
    wrap(text, WIDTH - 6).forEach((line, index) => {
      terminal.line(`    ${index === 0 ? mark : ' '} ${line}`)
    })
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
