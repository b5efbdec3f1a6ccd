import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../host/host.ts'
import { NoVantage } from '../../host/vantage/injection.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { CheckResult } from './check.ts'
import type { Trial } from './datapath-trials.ts'
import { knockOn } from './knocking.ts'

/**
 * A firewall is accused only when it keeps clients out. What it did to the knocks it may have done because of the
 * knocks: they come all at once, where it limits new connections, and from addresses that no client has.
 */

export interface Judgement {
  trial: Trial
  /** What comes of the trial, unless the second hearing finds otherwise. */
  result: CheckResult
  suspect: 'firewall' | null
}

/** Limits of so many connections a second let one begin again after it. */
const REFILL_MS = 1_100

/** The results of a NIC's trials, with those who blame the firewall tried once more. */
export async function hearAgain(
  host: Host,
  found: FoundHost,
  nic: Link,
  judgements: readonly Judgement[],
): Promise<CheckResult[]> {
  const accusing = judgements.filter(({ suspect }) => suspect === 'firewall')
  const isLimited = accusing.length > 0 && (await letsAnybodyInLater(host, found, nic, accusing))
  return Promise.all(
    judgements.map(async ({ trial, result, suspect }) => {
      if (suspect === null) return result
      if (isLimited) return doubted(result, ...LIMITED)
      if (!trial.client.isGuess || !(await letsNeighbourIn(host, found, trial))) return result
      return doubted(
        result,
        `yet it lets ${trial.way.nextHop} in, so perhaps it only drops addresses that clients do not have`,
        'tell where clients come from: clients: [NETWORK]',
      )
    }),
  )
}

const LIMITED = [
  'yet a second later it let a knock in, so perhaps it only limits how many connections begin, and verify began too many at once',
  'do clients run into that limit as well? nft list ruleset; iptables-save',
] as const

function doubted(result: CheckResult, doubt: string, hint: string): CheckResult {
  return { ...result, verdict: 'unknown', evidence: `${result.evidence}; ${doubt}`, hint }
}

async function letsAnybodyInLater(
  host: Host,
  found: FoundHost,
  nic: Link,
  accusing: readonly Judgement[],
): Promise<boolean> {
  await sleep(REFILL_MS)
  const knocks = accusing.map(({ trial }) => trial.knock)
  const reactions = await knockOn(host, found, nic, knocks)
  return !(reactions instanceof NoVantage) && [...reactions.values()].some(({ kind }) => kind === 'accepted')
}

/** Many firewalls drop what comes from networks for documentation, where our guess of a client lies. */
async function letsNeighbourIn(host: Host, found: FoundHost, { nic, knock, way }: Trial): Promise<boolean> {
  const { nextHop } = way
  if (nextHop === null || nextHop === knock.client || nextHop.startsWith('fe80:')) return false
  const reactions = await knockOn(host, found, nic, [{ ...knock, client: nextHop }])
  return !(reactions instanceof NoVantage) && reactions.get(knock.clientPort)?.kind === 'accepted'
}
