import type { LineAdvice } from '../init/advice.ts'
import type { Answers, VipAnswer } from '../init/answers.ts'
import type { Terminal } from './terminal.ts'

export interface InitReport {
  /** The configuration that was written. */
  file: string
  /** Of the one that was there before; null when none was. */
  copy: string | null
  role: Answers['role']
  vips: readonly VipAnswer[]
  text: string
  notes: readonly string[]
  /** Those before the command, which the next ones need too: `--config my.yaml`. */
  options: readonly string[]
  lines: readonly LineAdvice[]
}

export function tellInit(terminal: Terminal, report: InitReport): number {
  const next = nextCommands(report)
  if (terminal.json) {
    const { text, options, ...rest } = report
    terminal.document({ ...rest, next: next.map(([command]) => command), configuration: text })
    return 0
  }
  const { file, copy, notes, lines } = report
  for (const note of notes) terminal.line(`  ${terminal.style('cyan', '·')} ${note}`)
  for (const { at, text, meaning, todo } of lines) {
    terminal.line(
      `  ${terminal.style(todo === null ? 'cyan' : 'yellow', todo === null ? '·' : '!')} ${at}: ${text}`,
    )
    terminal.line(`      ${meaning}`)
    if (todo !== null) terminal.line(`      ${terminal.style('cyan', '->')} ${todo}`)
  }
  if (copy !== null) terminal.line(`  what was there before: ${copy}`)
  terminal.line(`rs-agent init: wrote ${file}`)
  const width = Math.max(...next.map(([command]) => command.length))
  for (const [command, purpose] of next) terminal.line(`  ${command.padEnd(width)}  # ${purpose}`)
  return 0
}

function nextCommands({ role, options }: InitReport): [command: string, purpose: string][] {
  const agent = ['rs-agent', ...options].join(' ')
  const verb = role === 'director' ? `${agent} director` : agent
  return [
    [`${verb} plan`, 'what it will change; changes nothing'],
    [`${verb} apply`, 'makes it so, or leaves everything as it was'],
    [`${verb} verify`, 'proves it, on the wire'],
    [`${agent} service install`, 'from now on, and at every boot'],
  ]
}
