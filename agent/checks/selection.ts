import leven from 'leven'
import { AgentError } from '../errors.ts'
import type { CheckResult } from './result.ts'

/** Which checks a run of verify shall make, as its options say. */
export interface Selection {
  only?: string | undefined
  skip?: string | undefined
  offline?: boolean | undefined
}

/** The checks that a role has. */
export interface Repertoire<Id extends string> {
  ids: readonly Id[]
  /** Those that put frames on the wire. */
  onTheWire: ReadonlySet<Id>
}

export interface Selected<Id extends string> {
  ids: Id[]
  /** One result for each check that was left out. */
  leftOut: CheckResult<Id>[]
}

/** Throws on an id that does not exist. */
export function selectChecks<Id extends string>(
  { ids, onTheWire }: Repertoire<Id>,
  { only, skip, offline }: Selection,
): Selected<Id> {
  const wanted = only === undefined ? null : new Set(parseIds(ids, '--only', only))
  const unwanted = new Set(skip === undefined ? [] : parseIds(ids, '--skip', skip))
  const selected: Selected<Id> = { ids: [], leftOut: [] }
  for (const id of ids) {
    const why =
      wanted?.has(id) === false
        ? 'left out by --only'
        : unwanted.has(id)
          ? 'left out by --skip'
          : offline === true && onTheWire.has(id)
            ? 'left out by --offline: it puts frames on the wire'
            : null
    if (why === null) selected.ids.push(id)
    else selected.leftOut.push({ id, subject: 'this host', verdict: 'skipped', evidence: why, hint: '' })
  }
  if (selected.ids.length === 0) throw wrongSelection(ids, 'the options leave no check to run')
  return selected
}

function parseIds<Id extends string>(ids: readonly Id[], option: string, text: string): Id[] {
  if (text.trim() === '') throw wrongSelection(ids, `${option} names no check`)
  const names = text.split(',').map(part => part.trim())
  if (names.includes('')) throw wrongSelection(ids, `${option} ${text}: a name is missing beside a comma`)
  return names.map(name => parseCheckId(ids, name, option))
}

/** The check that the text names; throws with the nearest id when there is none. */
export function parseCheckId<Id extends string>(ids: readonly Id[], text: string, where: string): Id {
  const known = ids.find(id => id === text)
  if (known !== undefined) return known
  const nearest = ids.toSorted((left, right) => leven(text, left) - leven(text, right))[0]
  throw wrongSelection(ids, `${where}: there is no check ${JSON.stringify(text)}; the nearest is ${nearest}`)
}

function wrongSelection(ids: readonly string[], message: string): AgentError {
  return new AgentError('usage', message, `the checks are: ${ids.join(', ')}`)
}
