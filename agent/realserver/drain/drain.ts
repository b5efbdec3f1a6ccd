import type { Config } from '../../config/load.ts'
import { AgentError } from '../../errors.ts'
import { type ClientConnections, countConnectionsTo } from '../../host/connections-to.ts'
import type { Host } from '../../host/host.ts'
import type { Watching } from '../../reconcile/converge.ts'
import { observeHost } from '../../reconcile/found.ts'
import { recall } from '../../reconcile/recall.ts'
import { REAL_SERVER } from '../../reconcile/role.ts'
import { convergeRealServer } from '../converge.ts'
import type { WantedRealServer } from '../desired.ts'
import { interestOf } from '../plan.ts'
import type { CheckResult } from '../verify/check.ts'
import { runChecks } from '../verify/verify.ts'
import { type Drain, refuseWithoutWebServer, writeDrain } from './drain-flag.ts'
import { judgeSite } from './site-judgement.ts'

/** What a drain waits for. */
export interface Patience {
  /** No longer than this. */
  limitMs: number
  /** Nobody came, and nobody was there, for this long: a director takes a while to notice. */
  quietMs: number
  signal: AbortSignal
  onCount(connections: ClientConnections): void
}

const COUNT_EVERY_MS = 200

/**
 * Has the web server tell directors that this host is not to be used, and clients to come again: what was begun is
 * served to its end. Throws with the host in rotation as before when the web server does not say so.
 */
export async function beginDrain(host: Host, wanted: WantedRealServer): Promise<void> {
  refuseWithoutWebServer(wanted.httpd)
  if (wanted.drain !== 'in rotation') return
  writeDrain(host.files, 'drained', new Date())
  const complaint = await judgeSite(wanted, 'drained')
  if (complaint === null) return
  writeDrain(host.files, 'in rotation', new Date())
  throw new AgentError(
    'failed',
    `the host was not drained: ${complaint}`,
    'is the web server as configured, and may its processes look into /etc/rs-agent? rs-agent plan; ls -ld /etc/rs-agent',
  )
}

/** Why the waiting ended. */
export type Waited =
  | { kind: 'quiet' }
  /** The limit was over; none of them may be open just then, where clients come and go. */
  | { kind: 'busy'; connections: number }
  | { kind: 'stopped'; by: string }

export async function waitUntilQuiet({ vips }: WantedRealServer, patience: Patience): Promise<Waited> {
  const count = countConnectionsTo(vips)
  const startedAt = performance.now()
  let busyAt = startedAt
  for (;;) {
    const connections = count()
    const now = performance.now()
    if (connections.open + connections.fresh > 0) busyAt = now
    if (patience.signal.aborted) return { kind: 'stopped', by: String(patience.signal.reason) }
    if (now - busyAt >= patience.quietMs) return { kind: 'quiet' }
    if (now - startedAt >= patience.limitMs) return { kind: 'busy', connections: connections.open }
    patience.onCount(connections)
    await new Promise(resolve => setTimeout(resolve, COUNT_EVERY_MS))
  }
}

/** Binds the VIPs, or takes them away, with the web server saying "drained" all the while. */
export async function withdraw(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  watching: Watching,
  drain: Exclude<Drain, 'in rotation'>,
): Promise<void> {
  writeDrain(host.files, drain, new Date())
  try {
    await convergeRealServer(host, config, { ...wanted, drain }, watching)
  } catch (error) {
    if (wanted.drain !== 'in rotation') writeDrain(host.files, wanted.drain, new Date())
    throw error
  }
}

/** What must be right before anybody is sent here. */
const BEFORE_CLIENTS_COME = [
  'vip-bound',
  'vip-route',
  'arp-sysctl',
  'arp-silence',
  'ndp-silence',
  'nfs-mounted',
  'service-answers',
] as const

/** Takes the host back into rotation once it is proved to be fit for it; throws with it drained as before. */
export async function endDrain(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  watching: Watching,
): Promise<CheckResult[]> {
  if (wanted.drain === 'in rotation') return []
  if (wanted.drain === 'withdrawn') await withdraw(host, config, wanted, watching, 'drained')
  try {
    const results = await proveFitness(host, { ...wanted, drain: 'drained' })
    writeDrain(host.files, 'in rotation', new Date())
    const complaint = await judgeSite(wanted, 'in rotation')
    if (complaint === null) return results
    writeDrain(host.files, 'drained', new Date())
    throw new AgentError('failed', `this host stays drained: ${complaint}`, 'rs-agent plan; rs-agent verify')
  } catch (error) {
    if (wanted.drain === 'withdrawn') await withdraw(host, config, wanted, watching, 'withdrawn')
    throw error
  }
}

/** Throws with the first thing that is not right, or not known to be. */
async function proveFitness(host: Host, wanted: WantedRealServer): Promise<CheckResult[]> {
  const { CHECKS } = await import('../verify/checks.ts')
  const { state } = recall(host.files, REAL_SERVER)
  const found = await observeHost(host, interestOf(wanted, state))
  // A web server that is somebody else's is their matter.
  const ids = BEFORE_CLIENTS_COME.filter(id => id !== 'service-answers' || wanted.httpd !== null)
  const checks = Object.fromEntries(ids.map(id => [id, CHECKS[id]]))
  const results = await runChecks(checks, host, wanted, found)
  const wrong = results.find(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
  if (wrong === undefined) return results
  throw new AgentError(
    'failed',
    `this host stays drained: ${wrong.id} ${wrong.subject}: ${wrong.evidence}`,
    wrong.hint,
  )
}
