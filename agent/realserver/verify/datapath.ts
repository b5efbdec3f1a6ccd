import type { Host } from '../../host/host.ts'
import { NoVantage, type Obstacle } from '../../host/vantage/injection.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { whatIsPassedBy } from './beneath.ts'
import type { CheckResult } from './check.ts'
import type { TestClient } from './clients.ts'
import { blame, blameRouting } from './datapath-blame.ts'
import { prepareTrials, TRY_IT, type Trial, unknown } from './datapath-trials.ts'
import { knockOn, type Reaction } from './knocking.ts'
import { hearAgain, type Judgement } from './second-hearing.ts'
import { WaysBack } from './way-back.ts'

/**
 * What a client sends to VIP:port and the director hands over is accepted, and answered from the VIP: a SYN is
 * injected on the NIC as if the director had sent it, and the SYN-ACK is seen leaving.
 */

export async function checkDatapath(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const waysBack = new WaysBack(host, found, wanted.vips)
  try {
    const { trials, results } = await prepareTrials(host, wanted, found, waysBack)
    const settled = await Promise.all(
      [...Map.groupBy(trials, ({ nic }) => nic)].map(([nic, trials]) => tryNic(host, found, nic, trials)),
    )
    return [...results, ...doubtGuesses(wanted, settled.flat())]
  } finally {
    await waysBack.forget()
  }
}

/**
 * Where the configuration names no NIC and there are several, the director's frames arrive on one of them: with one
 * that lets clients in, the failure of another accuses nobody.
 */
function doubtGuesses({ interfaces }: WantedRealServer, results: readonly CheckResult[]): CheckResult[] {
  if (interfaces !== 'auto') return [...results]
  const door = ({ subject }: CheckResult): string => subject.replace(/ on \S+/, '')
  return results.map(result => {
    const isContradicted = results.some(other => other.verdict === 'pass' && door(other) === door(result))
    if (result.verdict !== 'fail' || !isContradicted) return result
    const evidence = `${result.evidence}; by another NIC clients are let in, so perhaps nothing arrives here`
    return {
      ...result,
      verdict: 'unknown',
      evidence,
      hint: 'name the NIC of the director: interfaces: [NIC]',
    }
  })
}

async function tryNic(
  host: Host,
  found: FoundHost,
  nic: Link,
  trials: readonly Trial[],
): Promise<CheckResult[]> {
  const safe = trials.filter(({ way }) => way.obstacle === null)
  const reactions = await knockOn(
    host,
    found,
    nic,
    safe.map(({ knock }) => knock),
  )
  const passedBy = await whatIsPassedBy(host, nic, found)
  const judge = async (trial: Trial): Promise<Judgement> => {
    const { subject, knock, client, way } = trial
    if (way.obstacle?.kind === 'unsafe' || way.obstacle?.kind === 'forbidden') {
      const finding = await blameRouting(host, found, trial)
      if (finding !== null) return settled(trial, { id: 'datapath', subject, verdict: 'fail', ...finding })
      const cure = way.obstacle.kind === 'forbidden' ? CURES['missing-capability'] : TRY_IT
      return settled(trial, unknown(subject, way.obstacle.why, cure))
    }
    if (reactions instanceof NoVantage)
      return settled(trial, unknown(subject, reactions.message, CURES[reactions.obstacle]))
    const reaction = reactions.get(knock.clientPort) ?? { kind: 'silence' }
    if (reaction.kind !== 'accepted' || reaction.from !== knock.vip) {
      const { suspect = null, ...finding } = await blame(host, found, { ...trial, reaction })
      return { trial, suspect, result: { id: 'datapath', subject, verdict: 'fail', ...finding } }
    }
    if (passedBy !== null) return settled(trial, unknown(subject, passedBy))
    return settled(
      trial,
      reaction.ended ? passed(subject, client, nic, reaction) : stayedOpen(subject, client),
    )
  }
  return hearAgain(host, found, nic, await Promise.all(trials.map(judge)))
}

function settled(trial: Trial, result: CheckResult): Judgement {
  return { trial, suspect: null, result }
}

function passed(
  subject: string,
  { name }: TestClient,
  nic: Link,
  { latencyMs, by, method }: Extract<Reaction, { kind: 'accepted' }>,
): CheckResult {
  const evidence = `a SYN of ${name}, injected on ${nic.name} (${method}), was answered from the VIP by ${by} in ${latencyMs.toFixed(3)} ms`
  return { id: 'datapath', subject, verdict: 'pass', evidence, hint: '' }
}

/** A firewall that drops nothing but resets lets clients in all the same. */
function stayedOpen(subject: string, { name }: TestClient): CheckResult {
  return {
    id: 'datapath',
    subject,
    verdict: 'unknown',
    evidence: `the SYN of ${name} was answered from the VIP, but the reset that followed it did not arrive: a firewall lets new connections in, and perhaps nothing of what comes after`,
    hint: 'try it with a client: curl http://VIP/; does the firewall let in what belongs to a connection? nft list ruleset',
  }
}

const CURES: Record<Obstacle, string> = {
  'missing-capability': 'needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (or CAP_SYS_ADMIN): run as root',
  refused: TRY_IT,
  unanswered: TRY_IT,
}
