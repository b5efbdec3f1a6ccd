/** The command line of a script, as keepalived takes it apart (lib/parser.c, alloc_strvec_quoted_escaped). */

/**
 * Of `misc_path "/bin/check --fast"` the words `/bin/check` and `--fast`; what stands behind the first word or the
 * first quotes is passed over by keepalived, and is `rest`.
 */
export function scriptOf(statement: string): { words: string[]; rest: string[] } {
  const [, first = '', ...rest] = split(statement, escaped => `\\${escaped}`)
  return { words: split(first, meaningOf), rest }
}

/** Blanks part words, outside of quotes of either kind; within one word there may be several. */
function split(line: string, read: (escaped: string) => string): string[] {
  const words: string[] = []
  let word: string | null = null
  let quote = ''
  for (const { 0: token, groups } of line.matchAll(TOKENS)) {
    const escaped = groups?.escaped
    if (escaped !== undefined) word = (word ?? '') + read(escaped)
    else if (quote === '' && /\s/.test(token)) {
      if (word !== null) words.push(word)
      word = null
    } else if (quote === '' ? token === '"' || token === "'" : token === quote) {
      quote = quote === '' ? token : ''
      word ??= ''
    } else word = (word ?? '') + token
  }
  return word === null ? words : [...words, word]
}

const TOKENS = /\\(?<escaped>x[0-9A-Fa-f]{1,2}|c.|[0-7]{1,3}|.)|./gs
const CONTROLS: Partial<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Of what stands behind a backslash. */
function meaningOf(escaped: string): string {
  if (/^x./.test(escaped)) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  if (/^c./.test(escaped)) return String.fromCharCode(escaped.charCodeAt(1) & 0x1f)
  if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff)
  return CONTROLS[escaped] ?? escaped
}
