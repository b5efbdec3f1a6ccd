import { type Findings, type Place, warn } from './imported.ts'

/** What other tools ask of a web server, in the words of our `check`. */

/** Percent-encoded where it was not; what cannot be a path is told. */
export function pathOf(text: string, at: Place | undefined, findings: Pick<Findings, 'warnings'>): string {
  if (/^\/[\x21-\x7e]*$/.test(text)) return text
  const path = encodeURI(text.startsWith('/') ? text : `/${text}`)
  if (at !== undefined)
    warn(
      findings,
      at,
      'check-path',
      `the path ${JSON.stringify(text)} is written as ${path}`,
      'see that it is the same page',
    )
  return path
}

/** Null of nothing; a name that no check can send is told. */
export function hostOf(text: string, at: Place, findings: Pick<Findings, 'warnings'>): { host?: string } {
  if (/^[\w.:[\]-]+$/.test(text)) return { host: text }
  if (text !== '')
    warn(findings, at, 'check-host', `${JSON.stringify(text)} is no host name`, 'write `host` by hand')
  return {}
}

/**
 * A pattern that means one text alone becomes that text; a point in it stands for itself. Any other is left out: taken
 * literally it would fail on real servers that are well.
 */
export function bodyOf(pattern: string, at: Place, findings: Pick<Findings, 'warnings'>): { body?: string } {
  if (pattern === '') return {}
  const literal = pattern.replace(
    /\\([^\w\s])/g,
    (_, character: string) => PLACEHOLDERS[character] ?? character,
  )
  if (/[\\[\](){}*+?|^$]/.test(literal)) {
    const message = `the answer is held against the pattern ${JSON.stringify(pattern)}: no body is checked`
    warn(findings, at, 'check-pattern', message, 'write `body`, a text that every good answer contains')
    return {}
  }
  return { body: restore(literal) }
}

/** Characters that were escaped stand for themselves: hidden while the rest is looked through. */
const HIDDEN = [...'[](){}*+?|^$\\']
const PLACEHOLDERS: Partial<Record<string, string>> = Object.fromEntries(
  HIDDEN.map((character, index) => [character, String.fromCodePoint(0xe000 + index)]),
)

function restore(text: string): string {
  return [...text].map(character => HIDDEN[(character.codePointAt(0) ?? 0) - 0xe000] ?? character).join('')
}
