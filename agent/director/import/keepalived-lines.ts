import { dirname } from 'node:path'
import { type Findings, type Place, refuse, warn } from './imported.ts'

/** The lines of keepalived.conf and of what it includes, as keepalived's parser hands them on (lib/parser.c, 2.3). */

export interface Line {
  text: string
  /** As it stands in the file, for columns. */
  raw: string
  file: string
  number: number
}

/** Other files, which `include` names. */
export interface Files {
  /** Files that the pattern means, in order, seen from the folder; none when there is none. */
  match(pattern: string, folder: string): string[]
  /** Null when it cannot be read. */
  read(file: string): string | null
}

/** As in keepalived's own stack of files, so that a file that includes itself ends. */
const MAX_DEPTH = 32
/** More files, or a longer line, are a mistake: files that include each other twice, definitions of each other. */
const MAX_FILES = 1000
const MAX_LINE = 65_536
const DEFINITION = /^\$([A-Za-z_]\w*)[ \t]*=[ \t]*(.*)$/
const USE = /\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)(?=[ \t,)]|$)/g

/** Without comments, with definitions put in and included files in their place. */
export function readLines(text: string, file: string, files: Files, findings: Findings): Line[] {
  const lines: Line[] = []
  const definitions = new Map<string, string>([
    ['_HASH', '#'],
    ['_BANG', '!'],
  ])
  let included = 0
  readFile(text, file, 0)
  return lines

  function readFile(content: string, name: string, depth: number): void {
    let open: { definition: string; value: string[] } | null = null
    content.split('\n').forEach((raw, index) => {
      const line = { raw, file: name, number: index + 1 }
      const stripped = withoutComment(raw.replace(/\r$/, ''), line, findings)
      if (open !== null) {
        const ends = !stripped.endsWith('\\')
        open.value.push(stripped.replace(/[ \t]*\\$/, ''))
        definitions.set(open.definition, open.value.filter(Boolean).join('\n'))
        if (ends) open = null
        return
      }
      if (stripped === '') return
      const [, definition, value = ''] = DEFINITION.exec(stripped) ?? []
      if (definition === undefined) {
        expand({ ...line, text: stripped }, depth)
        return
      }
      const first = value.replace(/[ \t]*\\$/, '')
      definitions.set(definition, first)
      if (value.endsWith('\\')) open = { definition, value: [first] }
    })
  }

  /** A definition of several lines puts in as many. */
  function expand(line: Line, depth: number): void {
    const text = ofThisHost(line)
    if (text === null) return
    const replaced = replace(text)
    if (replaced.length > MAX_LINE) {
      refuse(
        findings,
        placeOf(line),
        `with its definitions put in this line is longer than ${MAX_LINE} characters`,
      )
      return
    }
    for (const part of replaced.split('\n')) {
      const trimmed = part.trim()
      const [, pattern] = /^include[rmwba]?[ \t]+(.*)$/.exec(trimmed) ?? []
      if (pattern !== undefined) include(pattern.trim(), line, depth)
      else if (/^~(?:SEQ|LST)/.test(trimmed))
        refuse(findings, placeOf(line), '~SEQ and ~LST are not read: write the lines out')
      else if (trimmed !== '') lines.push({ ...line, text: trimmed })
    }
  }

  function replace(text: string): string {
    let replaced = text
    for (let round = 0; round < MAX_DEPTH && replaced.includes('$') && replaced.length <= MAX_LINE; round++) {
      const next = replaced.replace(
        USE,
        (whole, braced?: string, bare?: string) => definitions.get(braced ?? bare ?? '') ?? whole,
      )
      if (next === replaced) break
      replaced = next
    }
    return replaced
  }

  /** `@id` before a line: for hosts of that id (`keepalived -i`), `@^id` for all others. */
  function ofThisHost(line: Line): string | null {
    const [, not, id, rest = ''] = /^@(\^?)(\S+)[ \t]+(.*)$/.exec(line.text) ?? []
    if (id === undefined) return line.text.startsWith('@') ? null : line.text
    const what = not === '' ? 'is left out: it is' : 'is taken: it is not'
    warn(
      findings,
      placeOf(line),
      'keepalived-config-id',
      `the line ${what} for the host with the id ${id}`,
      'see that this is right for this host',
    )
    return not === '' ? null : rest
  }

  function include(pattern: string, line: Line, depth: number): void {
    if (depth >= MAX_DEPTH) {
      refuse(findings, placeOf(line), `include ${pattern}: files include each other without end`)
      return
    }
    const found = files.match(pattern.replace(/^"(.*)"$/, '$1'), dirname(line.file))
    if (found.length === 0)
      warn(
        findings,
        placeOf(line),
        'include-without-file',
        `include ${pattern}: there is no such file`,
        'where the file was copied, copy what it includes beside it',
      )
    for (const name of found) {
      included++
      if (included === MAX_FILES) refuse(findings, placeOf(line), `more than ${MAX_FILES} files are included`)
      if (included >= MAX_FILES) return
      const content = files.read(name)
      if (content === null) refuse(findings, placeOf(line), `include ${pattern}: cannot read ${name}`)
      else readFile(content, name, depth + 1)
    }
  }
}

export function placeOf({ file, number, raw }: Pick<Line, 'file' | 'number' | 'raw'>): Place {
  return { file, line: number, column: Math.max(0, raw.search(/\S/)) + 1 }
}

/** `!` and `#` start one, unless in double quotes or behind a backslash. */
function withoutComment(
  text: string,
  line: Pick<Line, 'file' | 'number' | 'raw'>,
  findings: Findings,
): string {
  let kept = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    const next = text[at + 1]
    if (character === '"') quoted = !quoted
    if (character === '\\' && next !== undefined) {
      kept += !quoted && (next === '#' || next === '!') ? next : character + next
      at++
    } else if (!quoted && (character === '!' || character === '#')) break
    else kept += character
  }
  if (quoted) refuse(findings, placeOf(line), 'a quote is not closed')
  return kept.trim()
}
