import { readFileSync, writeFileSync } from 'node:fs'
import { AgentError, hasErrno, messageOf } from '../errors.ts'

const PROC_SYS = '/proc/sys'

/**
 * A kernel parameter by its path below /proc/sys, `net/ipv4/conf/eth0.100/arp_ignore`: in the dotted
 * notation an interface name that holds a dot would be ambiguous.
 */
export type SysctlPath = string

/** The kernel parameters of the network namespace that the process runs in. */
export interface Sysctl {
  /** The value without its newline, or null where the kernel has no such parameter. */
  read(path: SysctlPath): string | null
  write(path: SysctlPath, value: string): void
}

export const kernelSysctl: Sysctl = {
  read(path) {
    try {
      return readFileSync(sysctlFile(path), 'utf8').trimEnd()
    } catch (error) {
      // EINVAL: the interface went away while its file was being read.
      if (hasErrno(error, 'ENOENT', 'EINVAL')) return null
      throw error
    }
  },
  write(path, value) {
    try {
      writeFileSync(sysctlFile(path), `${value}\n`)
    } catch (error) {
      throw cannotWrite(path, value, error)
    }
  },
}

export function sysctlFile(path: SysctlPath): string {
  return `${PROC_SYS}/${path}`
}

function cannotWrite(path: SysctlPath, value: string, cause: unknown): AgentError {
  const message = `cannot set ${path} to ${value}: ${messageOf(cause)}`
  if (hasErrno(cause, 'EACCES', 'EPERM'))
    return new AgentError('missing-capability', message, 'needs CAP_NET_ADMIN', cause)
  if (hasErrno(cause, 'EROFS'))
    return new AgentError(
      'failed',
      message,
      'mount /proc/sys read-write (a container may need --privileged)',
      cause,
    )
  return new AgentError('failed', message, 'see `sysctl -a`', cause)
}
