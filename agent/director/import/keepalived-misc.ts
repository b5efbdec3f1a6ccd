import { type Findings, refuse, warn } from './imported.ts'
import type { Statement } from './keepalived-blocks.ts'
import { scriptOf } from './keepalived-script.ts'
import type { Block } from './keepalived-words.ts'

/**
 * With misc_dynamic every exit status but 1 means well, and sets the weight; what a shell says of a program that it
 * cannot run (126, 127) does not.
 */
const DYNAMIC = '"$0" "$@"; case $? in 1|126|127) exit 1;; esac'

/** The command of a MISC_CHECK, word by word; null with a finding where there is none. */
export function commandOf(checker: Statement, { last }: Block, findings: Findings): string[] | null {
  const path = last.get('misc_path')
  const { words, rest } = scriptOf(path?.text ?? '')
  const [program = ''] = words
  if (program === '' || words.some(word => word.includes('\0'))) {
    refuse(findings, path?.at ?? checker.at, 'MISC_CHECK needs a misc_path')
    return null
  }
  if (path !== undefined && rest.length > 0)
    warn(
      findings,
      path.at,
      'misc-path-without-quotes',
      `keepalived passes over ${JSON.stringify(rest.join(' '))} behind ${program}: it is left out`,
      'put the path and its arguments in quotes if they were meant',
    )
  const user = last.get('user')
  const as = user === undefined ? 'keepalived_script, if there is such a user' : user.words.slice(1).join(':')
  warn(
    findings,
    user?.at ?? checker.at,
    'check-by-command',
    `${program} is run by the user of rs-agent, and by keepalived as ${as}`,
    'put `runuser, -u, USER, --` before its words if it shall not be root',
  )
  const dynamic = last.get('misc_dynamic')
  if (dynamic === undefined) return words
  warn(
    findings,
    dynamic.at,
    'keepalived-misc_dynamic',
    `the exit status of ${program} sets no weight: every one but 1 is well`,
    'write the weight of each real server',
  )
  return ['sh', '-c', DYNAMIC, ...words]
}
