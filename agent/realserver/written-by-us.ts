import { basename } from 'node:path'
import { revisionOf } from '../model/revision.ts'
import { STATE_FOLDER } from '../reconcile/journal.ts'
import { type Change, keyOf } from '../reconcile/setting.ts'
import type { Claim, Prior, Step } from '../reconcile/step.ts'

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

/** Where a file of ours lies, once somebody's changes in it were replaced. */
const REPLACED = `${STATE_FOLDER}/replaced`

/**
 * Copies of the sites and units that somebody has changed by hand since we wrote them, before the steps replace them or
 * take them away: they stay when the role goes. What was there before the first apply needs none, remove puts it back.
 */
export function keptCopies(steps: readonly Step[], priors: readonly Prior[]): Claim[] {
  return editedIn(steps, priors).map(({ id: { path }, before }) => ({
    resource: 'kept-copy',
    phase: 'configure',
    wanted: { kind: 'file', id: { path: copyPath(path, before.content) }, value: { ...before, mode: 0o600 } },
    satisfied: false,
    onRemove: 'forget',
  }))
}

export function tellOfEdits(steps: readonly Step[], priors: readonly Prior[]): string[] {
  return editedIn(steps, priors).map(({ id: { path }, before, after }) => {
    const copy = `with a copy in /${copyPath(path, before.content)}`
    if (after === null) return `/${path} was changed by hand: it goes, ${copy}`
    return `/${path} was changed by hand: it is replaced, ${copy}; changes that shall stay belong into a template of your own, in /etc/rs-agent/templates`
  })
}

type FileChange = Change & { kind: 'site' | 'unit-file' }
type Edited = FileChange & { before: NonNullable<FileChange['before']> }

function editedIn(steps: readonly Step[], priors: readonly Prior[]): Edited[] {
  const ours = new Set(priors.map(keyOf))
  return steps.flatMap(({ change }) => {
    if ((change.kind !== 'site' && change.kind !== 'unit-file') || !ours.has(keyOf(change))) return []
    const { before } = change
    return before === null || readFirstLine(before.content)?.isAsWritten === true
      ? []
      : [{ ...change, before }]
  })
}

function copyPath(path: string, text: string): string {
  return `${REPLACED}/${basename(path)}-${revisionOf(text)}`
}
