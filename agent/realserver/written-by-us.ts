import { basename } from 'node:path'
import { revisionOf } from '../model/revision.ts'
import type { FoundHost } from '../reconcile/found.ts'
import { STATE_FOLDER } from '../reconcile/journal.ts'
import type { Claim, Prior } from '../reconcile/step.ts'

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
 * A copy of a file of ours that somebody has changed by hand since we wrote it, before it is replaced: it stays when the
 * role goes. What was there before the first apply needs none, remove puts it back.
 */
export function keptCopy(path: string, found: Pick<FoundHost, 'files'>, priors: readonly Prior[]): Claim[] {
  const present = found.files[path]
  if (present === undefined || !isEdited(path, present.content, priors)) return []
  const copy = copyPath(path, present.content)
  return [
    {
      resource: 'kept-copy',
      phase: 'configure',
      wanted: { kind: 'file', id: { path: copy }, value: { ...present, mode: 0o600 } },
      satisfied: false,
      onRemove: 'forget',
    },
  ]
}

export function tellOfEdits(
  paths: readonly string[],
  found: Pick<FoundHost, 'files'>,
  priors: readonly Prior[],
): string[] {
  return paths.flatMap(path => {
    const text = found.files[path]?.content
    if (text === undefined || !isEdited(path, text, priors)) return []
    return [
      `/${path} was changed by hand: apply replaces it, with a copy in /${copyPath(path, text)}; changes that shall stay belong into a template of your own, in /etc/rs-agent/templates`,
    ]
  })
}

function isEdited(path: string, text: string, priors: readonly Prior[]): boolean {
  const isOurs = priors.some(({ kind, id }) => (kind === 'file' || kind === 'site') && id.path === path)
  return isOurs && readFirstLine(text)?.isAsWritten !== true
}

function copyPath(path: string, text: string): string {
  return `${REPLACED}/${basename(path)}-${revisionOf(text)}`
}
