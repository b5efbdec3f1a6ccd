import { createHash } from 'node:crypto'

/**
 * The first line of every file that rs-agent writes whole and a person may edit: it tells the revision, so that an
 * edit by hand is seen, and a web server can say which of them it has read.
 */
const FIRST_LINE = /^# rs-agent: revision ([0-9a-f]{12})(?:, port ([0-9]{1,5}))?\n/

/** 12 hexadecimal digits. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, REVISION_DIGITS)
}

const REVISION_DIGITS = 12

/** A text whose own revision stands in it: `render` gets it, and for its making a placeholder of the same length. */
export function withRevision(render: (revision: string) => string, { port }: { port?: number } = {}): string {
  const revision = revisionOf(render(PLACEHOLDER))
  const portText = port === undefined ? '' : `, port ${port}`
  return `# rs-agent: revision ${revision}${portText}\n${render(revision)}`
}

const PLACEHOLDER = '0'.repeat(REVISION_DIGITS)

export interface FirstLine {
  revision: string
  port: number | null
  /** Whether the rest is what it was when rs-agent wrote it. */
  isAsWritten: boolean
}

/** Null for a text that rs-agent did not write. */
export function readFirstLine(text: string): FirstLine | null {
  const [line, revision, port] = FIRST_LINE.exec(text) ?? []
  if (line === undefined || revision === undefined) return null
  const rest = text.slice(line.length).replaceAll(revision, PLACEHOLDER)
  return {
    revision,
    port: port === undefined ? null : Number(port),
    isAsWritten: revisionOf(rest) === revision,
  }
}
