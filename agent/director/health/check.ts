import type { DirectorCheckConfig } from '../../config/check.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Protocol } from '../../model/ipvs.ts'
import { openCommandCheck } from './command.ts'
import { openHttpCheck } from './http.ts'
import { openIcmpCheck } from './icmp.ts'
import { OwnNics } from './own-nics.ts'
import { type Membership, Shared } from './shared.ts'
import { openTcpCheck } from './tcp.ts'

/** What one try found. */
export type Outcome =
  | {
      kind: 'pass'
      latencyMs: number /** Worth telling though it passed: a certificate that ends soon. */
      note?: string
    }
  | { kind: 'fail'; latencyMs: number; why: string }
  /** It could not be asked, on this host's account: it must not be taken out for that. */
  | { kind: 'unknown'; latencyMs: number; why: string }

/** One way to ask one real server. */
export interface Check {
  /** Two checks with the same key ask the same: they are made once and shared. When to ask is not in it. */
  readonly key: string
  /**
   * Ends by itself within its timeout, which begins with its turn where few are made at a time; sooner by the signal
   * (`unknown`). Never rejects.
   */
  try(signal: AbortSignal): Promise<Outcome>
  close(): void
}

/** A real server as one service uses it. */
export interface CheckTarget {
  /** RIP. */
  address: IpAddress
  /** 0 where the service is of every port; a check's own port comes first. */
  port: number
  /** Null for a firewall mark that tells no VIPs. */
  vip: IpAddress | null
  /** Of the service. */
  protocol: Protocol
  /** The name of the NIC by which real servers are reached. */
  nic: string
}

/** What this host's own NIC keeps from being asked or answered counts as `unknown`. */
export function openCheck(config: DirectorCheckConfig, target: CheckTarget): Check {
  const check = openCheckOfType(config, target)
  const membership = ownNics.join('')
  return {
    key: check.key,
    async try(signal) {
      const startedMs = performance.now()
      const nics = hearing(membership)
      const outcome = await check.try(signal)
      if (outcome.kind !== 'fail') return outcome
      const why = await nics.whyCut(target.address, target.nic, startedMs)
      return why === null ? outcome : { kind: 'unknown', latencyMs: outcome.latencyMs, why }
    },
    close() {
      check.close()
      membership.leave()
    },
  }
}

const ownNics = new Shared(() => new OwnNics())

/** Another one in the place of one that hears nothing any more. */
function hearing(membership: Membership<OwnNics>): OwnNics {
  const nics = membership.get()
  if (!nics.isDeaf) return nics
  membership.discard(nics)
  return membership.get()
}

function openCheckOfType(config: DirectorCheckConfig, target: CheckTarget): Check {
  switch (config.type) {
    case 'http':
    case 'https':
      return openHttpCheck(config, target)
    case 'tcp':
      return openTcpCheck(config, target)
    case 'icmp':
      return openIcmpCheck(config, target)
    case 'command':
      return openCommandCheck(config, target)
    default:
      return config satisfies never
  }
}
