import Mustache from 'mustache'
import { AgentError, messageOf } from '../errors.ts'
import type { Dialect } from './dialect.ts'

type Value = string | number
type Scope = Readonly<Record<string, Value | readonly Item[]>>
type Item = Readonly<Record<string, Value>>
export type TemplateValues = Scope

/**
 * Renders a Mustache template. Each value is quoted as the dialect of the file has it, so that it stays one word of
 * that file whatever it holds. Of Mustache's tags there are `{{name}}`, `{{#list}}` and `{{^list}}`, and comments:
 * whoever edits a template shall not find a way around the quoting. A name that the values do not have is an error,
 * not an empty text. Throws AgentError `config-invalid`.
 */
export function renderTemplate(text: string, values: TemplateValues, dialect: Dialect): string {
  return render(parse(text), { text, dialect, scope: values }, '')
}

/** Renders from the template of that name: an error says which it is. */
export function renderNamed<T>(name: string, render: () => T): T {
  try {
    return render()
  } catch (error) {
    if (!(error instanceof AgentError)) throw error
    const { code, message, hint } = error
    throw new AgentError(code, `template ${name}: ${message}`, hint, error)
  }
}

type Token = ReturnType<typeof Mustache.parse>[number]

function parse(text: string): Token[] {
  try {
    return Mustache.parse(text)
  } catch (cause) {
    // As Mustache ends its messages: by how many characters come before.
    const [message, what = messageOf(cause), start] = /^(.*) at (\d+)$/s.exec(messageOf(cause)) ?? []
    const where = message === undefined ? '' : `line ${lineAt(Number(start), text)} of `
    throw new AgentError('config-invalid', `${where}the template is broken: ${what}`, MEND, cause)
  }
}

function lineAt(start: number, text: string): number {
  return text.slice(0, start).split('\n').length
}

interface Page {
  /** Of the template. */
  text: string
  dialect: Dialect
  scope: Scope
}

/** Gives what was rendered before, and what the tokens render to: how a word is quoted depends on where it stands. */
function render(tokens: readonly Token[], page: Page, before: string): string {
  let rendered = before
  for (const token of tokens) {
    const [kind, name, , , children] = token
    if (kind === 'text') rendered += name
    else if (kind === 'name') rendered += quoted(token, page, rendered)
    else if (kind === '#' || kind === '^')
      for (const scope of scopesOf(token, page))
        rendered = render(children as Token[], { ...page, scope }, rendered)
    else if (kind !== '!')
      throw refusal(token, page, `the tag ${kind}, which ${UNSAFE_TAGS[kind] ?? 'is not known here'}`)
  }
  return rendered
}

const UNSAFE_TAGS: Record<string, string> = {
  '&': 'would write a value unquoted',
  '>': 'would take in another file',
  '=': 'would change what a tag is',
}

function quoted(token: Token, page: Page, before: string): string {
  const value = found(token, page)
  if (typeof value === 'object') throw refusal(token, page, `the list {{${token[1]}}} as if it were a value`)
  const { dialect } = page
  if (dialect.isWordStart?.(before) === false)
    throw refusal(token, page, `{{${token[1]}}} inside a word or quotes, where it is not safe`)
  try {
    return dialect.quote(String(value))
  } catch (cause) {
    throw new AgentError(
      'config-invalid',
      `${dialect.name} cannot express {{${token[1]}}}, ${JSON.stringify(value)}: ${messageOf(cause)}`,
      'use another value',
      cause,
    )
  }
}

/** What a section's text is rendered with: once for each item, or once where an inverted section's list is empty. */
function scopesOf(token: Token, page: Page): Scope[] {
  const items = found(token, page)
  if (typeof items !== 'object') throw refusal(token, page, `the value {{${token[1]}}} as if it were a list`)
  if (token[0] === '^') return items.length === 0 ? [page.scope] : []
  return items.map(item => ({ ...page.scope, ...item }))
}

function found(token: Token, page: Page): Scope[string] {
  const { scope } = page
  const value = Object.hasOwn(scope, token[1]) ? scope[token[1]] : undefined
  if (value !== undefined) return value
  throw refusal(
    token,
    page,
    `{{${token[1]}}}, which does not exist; there are ${Object.keys(scope).join(', ')}`,
  )
}

function refusal([, , start]: Token, { text }: Page, what: string): AgentError {
  return new AgentError('config-invalid', `line ${lineAt(start, text)} of the template uses ${what}`, MEND)
}

const MEND = 'mend it in /etc/rs-agent/templates, or remove it there to have the one of the package'
