import type { IpvsTimeouts } from '../model/ipvs.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedDirector } from './desired.ts'

/** How long connections are remembered without a packet, as far as the configuration says. */
export function timeoutClaims({ timeouts }: WantedDirector, { ipvs }: FoundHost): Claim[] {
  return (Object.entries(timeouts) as [keyof IpvsTimeouts, number][]).map(([name, seconds]) => ({
    resource: 'ipvs-timeouts',
    phase: 'serve',
    wanted: { kind: 'ipvs-timeout', id: { name }, value: String(seconds) },
    satisfied: ipvs?.timeouts[name] === seconds,
    onRemove: 'put-back',
  }))
}
