/** How a file's language writes a value, so that it is read back as one word and never as anything else. */
export interface Dialect {
  /** In words that a sentence may begin with. */
  name: string
  /** The value, quoted as a whole word. Throws for what the language cannot express. */
  quote(value: string): string
  /** Whether a word may begin after this text: quotes within a word or within quotes would end too early. */
  isWordStart?(before: string): boolean
}

/** What follows the start of a line, as it is: kernel modules, one on each line. */
export const lines: Dialect = { name: 'a line of text', quote: oneLine }

/** sysctl.d(5): keys may hold wildcards, and the first `=` ends them. */
export const sysctl: Dialect = {
  name: 'sysctl.d',
  quote: value => refuse(value, /[=*?[\]]|^[\s#;]|\s$/, 'would not be read as it is written'),
}

/** fstab(5): spaces part the fields, and `\040` is one that does not. */
export const fstab: Dialect = {
  name: 'fstab',
  quote: value => {
    if (value === '') throw new Error('a field is not empty')
    return oneLine(value).replace(/[\s\\#"']/g, octal)
  },
}

/** systemd.service(5), systemd.syntax(7): a word of a command line or of a list, like `ExecStart=`. */
export const systemdWord: Dialect = {
  name: 'a systemd unit',
  quote: value => {
    if (value === '') return '""'
    // Variables are put in after the escapes were read, and not into the name of the program: no form fits both.
    refuse(value, /\$/, 'a dollar would begin a variable')
    return oneLine(value)
      .replaceAll('%', '%%')
      .replace(/[^\w%/.:,=@+~!-]/gu, hexadecimal)
  },
}

/** systemd.unit(5): all that follows the `=`, like `What=`, where neither quotes nor escapes are read. */
export const systemdLine: Dialect = {
  name: 'a systemd unit',
  quote: value =>
    refuse(value, /^\s|[\s\\]$/, 'spaces around it and a backslash at its end are not kept').replaceAll(
      '%',
      '%%',
    ),
}

/** Quoted as in `ap_getword_conf` (httpd's server/util.c), which then puts in `${variables}`, with no way to write one. */
export const apache: Dialect = {
  name: 'Apache',
  quote: value => `"${refuse(value, /[$%]\{/, 'would be replaced by a variable').replace(/["\\]/g, '\\$&')}"`,
  isWordStart: before => {
    const line = before.replaceAll('\\\n', '').split('\n').at(-1) ?? ''
    return /^\s*(#.*|((?!["'])\S+\s+|"(\\["\\]|\\(?!["\\])|[^"\\])*"\s+|'(\\['\\]|\\(?!['\\])|[^'\\])*'\s+)*)$/.test(
      line,
    )
  },
}

/** Quoted as in `ngx_conf_read_token` (nginx's core/ngx_conf_file.c). Most directives put variables in; nothing escapes a `$`. */
export const nginx: Dialect = {
  name: 'nginx',
  quote: value => `"${refuse(value, /\$/, 'a dollar would begin a variable').replace(/["\\]/g, '\\$&')}"`,
  isWordStart: before => {
    const parts =
      /(?<comment>#[^\n]*)|(?<between>[\s;{}]+)|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|["'].*|(?:\\.|\$\{|[^\s;{])+/gs
    const last = [...before.matchAll(parts)].at(-1)?.groups
    return last === undefined || last.comment !== undefined || last.between !== undefined
  },
}

function refuse(value: string, unsafe: RegExp, why: string): string {
  const found = unsafe.exec(value)
  if (found) throw new Error(`${JSON.stringify(found[0])} ${why}`)
  return oneLine(value)
}

function oneLine(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  if (/[\u0000-\u001f\u007f]/.test(value)) throw new Error('it holds a control character')
  if (!value.isWellFormed()) throw new Error('it is no Unicode text')
  return value
}

function octal(character: string): string {
  return bytesOf(character, byte => `\\${byte.toString(8).padStart(3, '0')}`)
}

function hexadecimal(character: string): string {
  return bytesOf(character, byte => `\\x${byte.toString(16).padStart(2, '0')}`)
}

function bytesOf(text: string, write: (byte: number) => string): string {
  return [...new TextEncoder().encode(text)].map(write).join('')
}
