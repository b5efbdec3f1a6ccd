import { type Findings, type Place, refuse } from './imported.ts'
import { type Line, placeOf } from './keepalived-lines.ts'

export interface Statement {
  /** Without quotes; the first is the keyword. */
  words: string[]
  /** As it is written. */
  text: string
  at: Place
  /** Null when it has no braces. */
  block: Statement[] | null
}

/** The tree of blocks. A brace may stand at the end of a line, or on one of its own. */
export function readBlocks(lines: readonly Line[], findings: Findings): Statement[] {
  const root: Statement[] = []
  const open: { statements: Statement[]; at: Place }[] = []
  let here = root
  for (const line of lines)
    for (const piece of piecesOf(line.text)) {
      const at = placeIn(line, piece)
      if (piece === '{') {
        const last = here.at(-1)
        if (last === undefined || last.block !== null) refuse(findings, at, 'a { that belongs to nothing')
        const block: Statement[] = []
        if (last !== undefined) last.block ??= block
        open.push({ statements: here, at: last?.at ?? at })
        here = block
      } else if (piece === '}') {
        const outer = open.pop()
        if (outer === undefined) refuse(findings, at, 'a } too many')
        here = outer?.statements ?? root
      } else here.push({ words: wordsOf(piece), text: piece, at, block: null })
    }
  for (const { at } of open) refuse(findings, at, 'the } of this block is missing')
  return root
}

/** Text and braces, which in double quotes are text. */
function piecesOf(text: string): string[] {
  return (text.match(/[{}]|(?:"[^"]*"?|[^{}"])+/g) ?? []).map(piece => piece.trim()).filter(Boolean)
}

/** Quotes keep blanks together, and end a word. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

function placeIn(line: Line, piece: string): Place {
  const index = line.raw.indexOf(piece)
  return index < 0 ? placeOf(line) : { ...placeOf(line), column: index + 1 }
}

/** A number of seconds with a fraction, as read_timer reads it, in milliseconds. */
export function parseTimer(text: string, minMs: number): number | null {
  if (!/^[0-9]*\.?[0-9]+$|^[0-9]+\.$/.test(text)) return null
  const milliseconds = Math.round(Number(text) * 1000)
  return milliseconds >= minMs ? milliseconds : null
}

/** `true`, `on`, `yes`, or nothing at all. */
export function parseSwitch(text: string | undefined): boolean | null {
  if (text === undefined || ['true', 'on', 'yes'].includes(text)) return true
  return ['false', 'off', 'no'].includes(text) ? false : null
}
