import type { Files } from '../host/files.ts'
import type { CheckResult } from './result.ts'

/** The last verify of this boot and role, for `explain`: the state of a host is not worth keeping over a reboot. */
const PATHS = {
  'real server': 'run/rs-agent/last-verify.json',
  director: 'run/rs-agent/last-director-verify.json',
} as const

export type VerifiedRole = keyof typeof PATHS

export interface LastVerify {
  at: string
  checks: CheckResult[]
}

/** A host on which nothing can be written, or a run without the right to, has no memory: that fails no verify. */
export function rememberVerify(files: Files, role: VerifiedRole, checks: CheckResult[], at: Date): void {
  const content = `${JSON.stringify({ at: at.toISOString(), checks } satisfies LastVerify)}\n`
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  try {
    files.write(PATHS[role], { content, mode: 0o644, ...owner })
  } catch {
    return
  }
}

/** What it found is not true any more. */
export function forgetVerify(files: Files, role: VerifiedRole): void {
  files.remove(PATHS[role])
}

/** Null when there is none, or none that can be read. */
export function recallVerify(files: Files, role: VerifiedRole): LastVerify | null {
  try {
    const form = files.read(PATHS[role])
    const found = form === null ? null : (JSON.parse(form.content) as Partial<LastVerify>)
    if (typeof found?.at !== 'string' || !Array.isArray(found.checks)) return null
    if (!found.checks.every(isResult)) return null
    return { at: found.at, checks: found.checks }
  } catch {
    return null
  }
}

/** Whatever is in the file is printed: it must at least be text. */
function isResult(value: unknown): value is CheckResult {
  if (typeof value !== 'object' || value === null) return false
  const { id, subject, verdict, evidence, hint } = value as Partial<CheckResult>
  return [id, subject, verdict, evidence, hint].every(field => typeof field === 'string')
}
