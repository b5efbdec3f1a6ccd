import leven from 'leven'
import { AgentError } from '../../errors.ts'
import { CHECK_IDS, type Check, type CheckId, type CheckResult } from './check.ts'
import { CHECKS, CHECKS_ON_THE_WIRE } from './checks.ts'

/** Which checks a run of verify shall make, as its options say. */
export interface Selection {
  only?: string | undefined
  skip?: string | undefined
  offline?: boolean | undefined
}

export interface Selected {
  checks: Partial<Record<CheckId, Check>>
  /** One result for each check that was left out. */
  leftOut: CheckResult[]
}

/** Throws on an id that does not exist. */
export function selectChecks({ only, skip, offline }: Selection): Selected {
  const wanted = only === undefined ? null : new Set(parseIds('--only', only))
  const unwanted = new Set(skip === undefined ? [] : parseIds('--skip', skip))
  const checks: Selected['checks'] = {}
  const leftOut: CheckResult[] = []
  for (const id of CHECK_IDS) {
    const why =
      wanted?.has(id) === false
        ? 'left out by --only'
        : unwanted.has(id)
          ? 'left out by --skip'
          : offline === true && CHECKS_ON_THE_WIRE.has(id)
            ? 'left out by --offline: it puts frames on the wire'
            : null
    if (why === null) checks[id] = CHECKS[id]
    else leftOut.push({ id, subject: 'this host', verdict: 'skipped', evidence: why, hint: '' })
  }
  if (Object.keys(checks).length === 0) throw wrongSelection('the options leave no check to run')
  return { checks, leftOut }
}

function parseIds(option: string, text: string): CheckId[] {
  if (text.trim() === '') throw wrongSelection(`${option} names no check`)
  return text.split(',').map(part => parseCheckId(part.trim(), option))
}

/** The check that the text names; throws with the nearest id when there is none. */
export function parseCheckId(text: string, where: string): CheckId {
  const known = CHECK_IDS.find(id => id === text)
  if (known !== undefined) return known
  const nearest = CHECK_IDS.toSorted((left, right) => leven(text, left) - leven(text, right))[0]
  throw wrongSelection(`${where}: there is no check ${JSON.stringify(text)}; the nearest is ${nearest}`)
}

function wrongSelection(message: string): AgentError {
  return new AgentError('usage', message, `the checks are: ${CHECK_IDS.join(', ')}`)
}
