import { readFileSync } from 'node:fs'
import { AgentError } from '../errors.ts'

/** The capabilities that are asked for by name; bit numbers of include/uapi/linux/capability.h. */
const BITS = { CAP_NET_ADMIN: 12 } as const
export type Capability = keyof typeof BITS

/** Whether this process may use the capability now (its effective set). */
export function hasCapability(capability: Capability): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return ((BigInt(`0x${line?.[1] ?? '0'}`) >> BigInt(BITS[capability])) & 1n) === 1n
}

/** Throws when the capability is missing, before anything is touched. */
export function requireCapability(capability: Capability, purpose: string): void {
  if (hasCapability(capability)) return
  throw new AgentError(
    'missing-capability',
    `${capability} is missing: it is needed to ${purpose}`,
    'run as root',
  )
}
