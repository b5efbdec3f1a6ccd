import { AgentError } from '../errors.ts'
import type { CheckResult } from './verify/check.ts'

/** Throws when a proof on the wire has found that this host answers for a VIP. */
export function refuseAudible(checks: readonly CheckResult[]): void {
  const leak = checks.find(check => check.id.endsWith('-silence') && check.verdict === 'fail')
  if (leak !== undefined)
    throw new AgentError(
      'failed',
      `${leak.subject}: ${leak.evidence}`,
      'the sysctls are right, yet the host answers: see `rs-agent verify`',
    )
}
