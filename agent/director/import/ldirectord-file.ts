import type { Place } from './imported.ts'

/** Lines of ldirectord.cf, taken apart as ldirectord's read_config does it (ldirectord 4.x, a Perl program). */

export interface Directive {
  name: string
  /** As written, behind the equals sign and blanks. */
  value: string
  at: Place
  /** Of the value. */
  valueAt: Place
}

export interface VirtualSection {
  virtual: Directive
  directives: Directive[]
}

export interface LdirectordFile {
  globals: Directive[]
  virtuals: VirtualSection[]
  /** Lines that are no directive. */
  strange: { text: string; at: Place }[]
}

/**
 * A section of a virtual service holds the lines below it that are indented by four blanks or a tab; the first other
 * one, be it empty, ends it. In it `#` starts a comment anywhere, elsewhere at the start of a line alone.
 */
export function readLines(text: string, file: string): LdirectordFile {
  const read: LdirectordFile = { globals: [], virtuals: [], strange: [] }
  let section: VirtualSection | null = null
  text.split('\n').forEach((line, index) => {
    const at = { file, line: index + 1, column: 1 }
    if (section !== null && /^\s*#/.test(line)) return
    const inner =
      section === null ? null : /^ {4}\s*(\S.*)$/.exec(line.replace(/#.*/, '').replaceAll('\t', '    '))
    if (section !== null && inner !== null) {
      const place = { ...at, column: line.search(/\S/) + 1 }
      const directive = directiveOf(inner[1] ?? '', place)
      if (directive === null) read.strange.push({ text: (inner[1] ?? '').trim(), at: place })
      else section.directives.push(directive)
      return
    }
    section = null
    if (/^\s*(?:#|$)/.test(line)) return
    const directive = directiveOf(line, at)
    if (directive === null) read.strange.push({ text: line.trim(), at })
    else if (/^virtual6?$/.test(directive.name)) {
      section = { virtual: directive, directives: [] }
      read.virtuals.push(section)
    } else read.globals.push(directive)
  })
  return read
}

function directiveOf(text: string, at: Place): Directive | null {
  const [, start = '', name, value = ''] = /^((\w[\w-]*)\s*=\s*)(.*)$/.exec(text) ?? []
  if (name === undefined)
    return /^supervised\s*$/.test(text) ? { name: 'supervised', value: 'yes', at, valueAt: at } : null
  return { name, value, at, valueAt: { ...at, column: at.column + start.length } }
}
