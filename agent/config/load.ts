import { readFileSync, statSync } from 'node:fs'
import * as v from 'valibot'
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { AgentError, hasErrno, messageOf } from '../errors.ts'
import { refuseUntrusted } from '../host/trust.ts'
import { type Configuration, configuration } from './schema.ts'

/** Some 40,000 services: to read them takes seconds, and a hundred times as much memory. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024

const HOW_TO_BEGIN = '`rs-agent init` writes one; --config names another'

export type ConfigPath = readonly (string | number)[]

/** A checked configuration that knows where each of its values was written. */
export type Config = Configuration & {
  readonly file: string
  /** `file:line:column` of the value; of the nearest thing around it when it was not written. */
  locate(path: ConfigPath): string
}

/** Reads and checks the file; every problem is in the one error that it throws. */
export function loadConfig(file: string): Config {
  refuseUntrusted(file, 'the configuration')
  const lines = new LineCounter()
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  if (document.errors.length > 0)
    throw invalid(document.errors.map(error => `${at(error.pos[0])}: ${error.message}`))
  const values = valuesOf(document, file)
  // As a package brings it: all of it a comment.
  if (values === null)
    throw new AgentError('config-invalid', `${file}:1:1: it says nothing yet`, HOW_TO_BEGIN)
  const result = v.safeParse(configuration, values)
  if (!result.success) throw invalid(result.issues.map(issue => describeIssue(issue, document, at)))
  return { ...result.output, file, locate: path => at(offsetOf(document, path)) }
}

function readText(file: string): string {
  try {
    const found = statSync(file)
    // A pipe would keep us waiting for ever.
    if (!found.isFile()) throw new Error('it is not a regular file')
    if (found.size > MAX_CONFIG_BYTES) throw new Error(`it is larger than ${MAX_CONFIG_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (cause) {
    throw cannotRead(file, cause)
  }
}

function cannotRead(file: string, cause: unknown): AgentError {
  const what = `cannot read the configuration ${file}`
  if (hasErrno(cause, 'EACCES'))
    return new AgentError('missing-capability', `${what}: ${messageOf(cause)}`, 'run as root', cause)
  if (hasErrno(cause, 'ENOENT', 'ENOTDIR')) {
    return new AgentError('config-invalid', `${what}: there is no such file`, HOW_TO_BEGIN, cause)
  }
  return new AgentError(
    'config-invalid',
    `${what}: ${messageOf(cause)}`,
    'it must be a readable file of UTF-8 text',
    cause,
  )
}

/** The plain values; aliases that would expand without end are an error of the document. */
function valuesOf(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw new AgentError(
      'config-invalid',
      `${file}:1:1: ${messageOf(cause)}`,
      'write the values out instead of using aliases',
      cause,
    )
  }
}

function describeIssue(
  issue: v.BaseIssue<unknown>,
  document: Document,
  at: (offset: number) => string,
): string {
  const path = (issue.path ?? []).map(item => item.key as string | number)
  const name = path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('')
  const where = at(isUnknownKey(issue) ? keyOffset(document, path) : offsetOf(document, path))
  return `${where}: ${name === '' ? 'the file' : name}: ${whatIsWrong(issue, document, path)}`
}

function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never'
}

/** A key that is not there; a variant is what misses the key that tells its kind. */
function isMissing({ type, received }: v.BaseIssue<unknown>): boolean {
  return (type === 'strict_object' || type === 'variant') && received === 'undefined'
}

function whatIsWrong(issue: v.BaseIssue<unknown>, document: Document, path: ConfigPath): string {
  if (isUnknownKey(issue)) return 'unknown key'
  if (isMissing(issue)) return 'is missing'
  const last = issue.path?.at(-1)
  const received = writtenAt(document, path) ?? JSON.stringify(last === undefined ? issue.input : last.value)
  return `expected ${issue.message}, received ${shorten(received ?? issue.received ?? 'nothing')}`
}

/** As it was written, not as it was understood; undefined where nothing was. */
function writtenAt(document: Document, path: ConfigPath): string | undefined {
  const node = document.getIn(path, true)
  if (!isNode(node)) return undefined
  // 1e3 and .inf shall not come back as 1000 and null.
  if (isScalar(node) && typeof node.value === 'number' && node.source !== undefined) return node.source
  return JSON.stringify(node.toJS(document, { maxAliasCount: 100 }))
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** Where the value at the path starts, or the nearest thing around it that was written. */
function offsetOf(document: Document, path: ConfigPath): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return (document.contents as Node | null)?.range?.[0] ?? 0
}

function keyOffset(document: Document, path: ConfigPath): number {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return offsetOf(document, path)
  const pair = parent.items.find(
    ({ key }) => isNode(key) && String((key as { value?: unknown }).value) === String(path.at(-1)),
  )
  return (pair?.key as Node | undefined)?.range?.[0] ?? offsetOf(document, path)
}

function invalid(problems: string[]): AgentError {
  const count = problems.length === 1 ? '' : `${problems.length} problems in the configuration:\n`
  return new AgentError(
    'config-invalid',
    count + problems.join('\n'),
    'nothing was touched; mend the file and run this again',
  )
}
