import { AgentError } from '../../../errors.ts'
import { BatchRejection, isRefused, NetlinkRejection } from '../rejection.ts'

/** Turns the kernel's "no" to `doing` (in words that follow "cannot") into what a person is told. */
export async function explained<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const cause = error instanceof BatchRejection ? error.rejections[0]?.cause : error
    if (!(cause instanceof NetlinkRejection)) throw error
    const message = `cannot ${doing}: ${cause.message}`
    if (cause.code === 'EPERM')
      throw new AgentError('missing-capability', message, 'needs CAP_NET_ADMIN', error)
    throw new AgentError('failed', message, HINTS[cause.code] ?? 'see `ipvsadm -Ln` and `dmesg`', error)
  }
}

/** Before the kernel is asked: `why` it would be in vain. */
export function refuse(doing: string, why: string | null): void {
  if (why !== null) throw new AgentError('failed', `cannot ${doing}: ${why}`, 'see `man ipvsadm`')
}

export function absentWhen(code: string): (error: unknown) => null {
  return error => {
    if (isRefused(error, code)) return null
    throw error
  }
}

const HINTS: Record<string, string> = {
  ENODEV: 'there is no such interface: see `ip link`',
  EEXIST: 'one runs already: stop it first',
  ESRCH: 'there is none',
  ENOENT: 'the module was unloaded meanwhile: `modprobe ip_vs`',
}
