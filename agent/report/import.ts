import type { TableDifference } from '../director/import/compare.ts'
import { type ImportWarning, placeText } from '../director/import/imported.ts'
import type { Terminal } from './terminal.ts'

/** What `director import` tells people; the configuration itself goes to stdout as it is. */

export function printImportWarnings(terminal: Terminal, warnings: readonly ImportWarning[]): void {
  for (const { id, at, message, hint } of warnings) {
    terminal.note(`${terminal.style('yellow', 'warning')}: ${id}: ${placeText(at)}: ${message}`)
    terminal.note(`  ${terminal.style('cyan', '->')} ${hint}`)
  }
}

/** As `--json` prints them. */
export function warningsReport(warnings: readonly ImportWarning[]) {
  return warnings.map(({ id, at, message, hint }) => ({ id, at: placeText(at), message, hint }))
}

export function printDifferences(
  terminal: Terminal,
  differences: readonly TableDifference[],
  services: number,
): void {
  for (const { kind, subject, field, file, kernel } of differences) {
    const mark = { missing: '-', extra: '+', different: '~' }[kind]
    const what = { missing: 'not in the kernel', extra: 'only in the kernel', different: '' }[kind]
    const text = field === null ? what : `${field}: ${file} in the file, ${kernel} in the kernel`
    terminal.line(`  ${terminal.style('yellow', mark)} ${subject}  ${text}`)
  }
  const count = `${services} ${services === 1 ? 'service' : 'services'}`
  terminal.line(
    differences.length === 0
      ? `rs-agent director import: the kernel's table is what the file means, ${count}`
      : `rs-agent director import: ${differences.length} ${differences.length === 1 ? 'difference' : 'differences'} between the file, ${count}, and the kernel`,
  )
}
