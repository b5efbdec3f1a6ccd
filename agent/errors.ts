/** Why a command ended badly. Each code has one exit status, the contract of README's table. */
export type ErrorCode =
  | 'failed'
  | 'undo-incomplete'
  | 'usage'
  | 'config-invalid'
  | 'unsupported'
  | 'locked'
  | 'missing-capability'

/** Exit statuses; 64 and above follow BSD sysexits.h (EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM). */
const EXIT_STATUS: Record<ErrorCode, number> = {
  failed: 1,
  'undo-incomplete': 4,
  usage: 64,
  'config-invalid': 65,
  unsupported: 69,
  locked: 75,
  'missing-capability': 77,
}

/** An error for a person: what failed and where (message), and the next thing to do (hint). */
export class AgentError extends Error {
  override name = 'AgentError'
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.code]
  }
}

/** True when a system call failed with one of these errno names. */
export function hasErrno(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && 'code' in error && names.includes(String(error.code))
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
