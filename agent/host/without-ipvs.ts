import { AgentError } from '../errors.ts'

/** Of a kernel without IPVS, or one that has not loaded it. */
export function withoutIpvs(cause?: unknown): AgentError {
  return new AgentError('unsupported', 'this kernel has no IPVS', 'load its module: `modprobe ip_vs`', cause)
}
