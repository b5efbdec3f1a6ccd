/**
 * How those programs read their files for which rs-agent renders templates, told again from their sources: each gives
 * the directives of a text, as lists of words, variables as they are. What they take for an error is an error here.
 */
export type Reader = (text: string) => string[][]

/** `ap_cfg_getline`, `ap_getword_conf` and `ap_resolve_env` of httpd 2.4, server/util.c and server/core.c. */
export const readApache: Reader = text =>
  text
    .replaceAll('\\\n', '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(apacheWords)

function apacheWords(line: string): string[] {
  const words: string[] = []
  for (let at = 0; at < line.length; ) {
    const quote = line[at] === '"' || line[at] === "'" ? line[at] : undefined
    let word = ''
    if (quote) at++
    while (at < line.length && (quote ? line[at] !== quote : !/\s/.test(line[at] ?? ''))) {
      if (quote && line[at] === '\\' && (line[at + 1] === quote || line[at + 1] === '\\')) at++
      word += line[at++]
    }
    if (quote && line[at++] !== quote) throw new Error(`Apache: no end of the quotes: ${line}`)
    words.push(word)
    while (/\s/.test(line[at] ?? '')) at++
  }
  return words
}

/** `ngx_conf_read_token` of nginx 1.22, core/ngx_conf_file.c; a block's `{` and `}` are directives of their own. */
export const readNginx: Reader = text => {
  const directives: string[][] = []
  let words: string[] = []
  let at = 0
  while (at < text.length) {
    const character = text[at] ?? ''
    if (/\s/.test(character)) at++
    else if (character === '#') while (at < text.length && text[at] !== '\n') at++
    else if (';{}'.includes(character)) {
      directives.push(character === ';' ? words : [...words, character])
      words = []
      at++
    } else {
      const [word, end] = nginxWord(text, at)
      words.push(word)
      at = end
    }
  }
  if (words.length > 0) throw new Error('nginx: unexpected end of file')
  return directives
}

function nginxWord(text: string, start: number): [word: string, end: number] {
  const quote = text[start] === '"' || text[start] === "'" ? text[start] : undefined
  let at = quote ? start + 1 : start
  let word = ''
  for (; at < text.length; at++) {
    const character = text[at] ?? ''
    if (quote ? character === quote : /[\s;{]/.test(character)) break
    if (character !== '\\') word += character
    else word += nginxEscape(text[++at] ?? '')
  }
  if (!quote) return [word, at]
  if (!/[\s;{)]/.test(text[++at] ?? '')) throw new Error(`nginx: unexpected "${text[at]}" behind ${word}`)
  return [word, at]
}

function nginxEscape(character: string): string {
  const special: Record<string, string> = { t: '\t', r: '\r', n: '\n', '"': '"', "'": "'", '\\': '\\' }
  return special[character] ?? `\\${character}`
}

/** `mnt_parse_mountinfo_line`'s fields and `unmangle` of util-linux, libmount/src/tab_parse.c and lib/mangle.c. */
export const readFstab: Reader = text =>
  linesOf(text, /^#/).map(line =>
    line.split(/[ \t]+/).map(field => inBytes(field, /\\([0-7]{3})/g, digits => Number.parseInt(digits, 8))),
  )

/** `extract_first_word` and `cunescape` of systemd, basic/extract-word.c and basic/escape.c, for what stands right of `=`. */
export const readSystemdWords: Reader = text =>
  linesOf(text, /^[#;]/).map(line => {
    if (/\\$/.test(line)) throw new Error('systemd would go on in the next line')
    return (line.match(/"[^"]*"|\S+/g) ?? []).map(word => {
      if (word === '""') return ''
      if (/["';$]|\\(?!x[0-9a-f]{2})/.test(word)) throw new Error(`systemd would not read ${word} as it is`)
      const unescaped = inBytes(word, /\\x([0-9a-f]{2})/g, digits => Number.parseInt(digits, 16))
      return unspecified(unescaped)
    })
  })

/** `config_parse` of systemd, shared/conf-parser.c: the rest of the line is one value. */
export const readSystemdLines: Reader = text =>
  linesOf(text, /^[#;]/).map(line => {
    if (/\\$/.test(line)) throw new Error('systemd would go on in the next line')
    return [unspecified(line)]
  })

/** `parse_file` of systemd, sysctl/sysctl.c. */
export const readSysctl: Reader = text =>
  linesOf(text, /^[#;]/).map(line => {
    const equals = line.indexOf('=')
    const key = line.slice(0, equals).trim()
    if (/[*?[]/.test(key)) throw new Error(`sysctl.d: ${key} is a pattern`)
    return [key, line.slice(equals + 1).trim()]
  })

function linesOf(text: string, comment: RegExp): string[] {
  return text
    .split('\n')
    .map(line => line.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter(line => line !== '' && !comment.test(line))
}

/** A specifier that is not `%%` is another text than was meant. */
function unspecified(text: string): string {
  if (/%/.test(text.replaceAll('%%', ''))) throw new Error(`systemd would replace a specifier in ${text}`)
  return text.replaceAll('%%', '%')
}

/** Escapes stand for bytes, of which several may be one character. */
function inBytes(text: string, escaped: RegExp, byteOf: (digits: string) => number): string {
  const latin1 = Buffer.from(text).toString('latin1')
  return Buffer.from(
    latin1.replace(escaped, (_, digits) => String.fromCharCode(byteOf(digits))),
    'latin1',
  ).toString()
}
