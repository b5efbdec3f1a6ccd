import { revisionOf } from '../model/revision.ts'

/**
 * The first line of every file that rs-agent writes whole and a person may be tempted to edit: by the revision in it an
 * edit is seen, whatever the template says below.
 */
const FIRST_LINE = /^# rs-agent: revision ([0-9a-f]{12})(?:, port ([0-9]{1,5}))?\n/

export function withFirstLine(text: string, revision: string, { port }: { port?: number } = {}): string {
  return `# rs-agent: revision ${revision}${port === undefined ? '' : `, port ${port}`}\n${text}`
}

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
  const rest = text.slice(line.length).replaceAll(revision, '')
  return {
    revision,
    port: port === undefined ? null : Number(port),
    isAsWritten: revisionOf(rest) === revision,
  }
}
