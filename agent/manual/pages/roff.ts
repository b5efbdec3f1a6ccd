/** The few words of man(7) that our pages are written in. */

/** Text as it is: no line of it is a request, no character an escape, and a hyphen can be copied. */
export function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replace(/^([.'])/gm, '\\&$1')
}

export function bold(text: string): string {
  return `\\fB${plain(text)}\\fR`
}

export function italic(text: string): string {
  return `\\fI${plain(text)}\\fR`
}

export interface PageHead {
  name: string
  section: '1' | '5'
  /** What `man -k` shows. */
  title: string
  version: string
  /** `2026-11-29`, not of the build: the same sources give the same bytes. */
  date: string
}

export type Edition = Pick<PageHead, 'version' | 'date'>

export function page({ name, section, title, version, date }: PageHead, body: readonly string[]): string {
  return [
    '.\\" Made from the program itself: do not edit.',
    `.TH ${name.toUpperCase()} ${section} "${date}" "rs\\-agent ${version}" "rs\\-agent"`,
    '.SH NAME',
    `${plain(name)} \\- ${plain(title)}`,
    ...body,
    '',
  ].join('\n')
}

export function heading(text: string): string {
  return `.SH ${text.toUpperCase()}`
}

export function subheading(text: string): string {
  return `.SS ${plain(text)}`
}

/** A term in the margin, and what is said of it, which is rendered already. */
export function entry(term: string, text: string): string {
  return `.TP\n${term}\n${text}`
}

/** Lines that keep their breaks and spaces. */
export function verbatim(text: string): string {
  return `.nf\n${plain(text)}\n.fi`
}
