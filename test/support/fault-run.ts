import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { expect } from 'vitest'
import { type Evidence, mismatches } from './expectation.ts'
import {
  type AddressFamily,
  plugInPlainly,
  type RealServerConfig,
  type Row,
  type Sight,
  type Site,
} from './fault-row.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'
import { type Addressing, IPV4, IPV6, type Neighbourhood } from './neighbourhood.ts'
import { Agent, type VerifyReport } from './rs-agent.ts'
import { differences, type Snapshot, takeSettledSnapshot } from './snapshot.ts'
import { startWebServer } from './web-server.ts'

const addressings: Record<AddressFamily, Addressing> = { ipv4: IPV4, ipv6: IPV6 }

/** The checks that must give a result, by the families of the VIPs. */
const checkIds: Record<AddressFamily, readonly string[]> = {
  ipv4: [
    'vip-bound',
    'vip-route',
    'arp-sysctl',
    'arp-sysctl-persisted',
    'arp-silence',
    'arp-announce',
    'proxy-arp',
    'rp-filter',
    'vip-owner',
    'datapath',
    'service-answers',
    'boot-persistence',
  ],
  ipv6: [
    'vip-bound',
    'vip-route',
    'ndp-silence',
    'proxy-arp',
    'vip-owner',
    'datapath',
    'service-answers',
    'boot-persistence',
  ],
}

/** Of every host here: namespaces have no systemd. */
const NEVER_BOOTED: Evidence = { 'boot-persistence': /no systemd runs here/ }

/**
 * Puts the fault into a healthy real server and gives what is not as the row says: a line each, of what verify
 * said, what it left behind when it ended and when it was killed, and of what others see of the server. It is
 * killed after this part of the time that it takes.
 */
export async function runRow(
  row: Row,
  neighbourhood: Neighbourhood,
  killAfterPart: number,
): Promise<string[]> {
  const server = await (row.wire ?? plugInPlainly)(neighbourhood)
  await using agent = new Agent(server, configOf(row))
  const web = await startWebServer(server, { listen: '::' })
  const site: Site = { neighbourhood, server, agent, web }
  const patienceMs = await applyAndServe(row, site)
  await row.fault?.(site)
  const before = await takeSettledSnapshot(server.namespace)
  const { problems, tookMs } = await verifyProblems(row, site, before)
  return [
    ...problems,
    ...(await residueOfKilled(row, site, before, Math.round(killAfterPart * tookMs))),
    ...(await sightProblems(row, site, patienceMs)),
  ]
}

function configOf({ families = ['ipv4'], config }: Row): string {
  const addresses = families.map(family => addressings[family])
  const realServer: RealServerConfig = {
    vips: addresses.map(({ vip }) => ({ address: vip, ports: ['80/tcp'] })),
    directors: addresses.map(({ director }) => director),
    siblings: addresses.map(({ sibling }) => sibling),
    ...config,
  }
  // JSON is YAML.
  return JSON.stringify({ realServer })
}

/**
 * Fetches a page also so that everybody has resolved everybody: what verify makes the kernel learn then shows.
 * Resolves with the time after which a page does not come any more, on a machine as fast as this one.
 */
async function applyAndServe(row: Row, site: Site): Promise<number> {
  const { exitCode, stdout, stderr } = await site.agent.run(['apply'])
  expect(exitCode, stdout + stderr).toBe(0)
  await forgetNeighbours(site)
  const startedMs = performance.now()
  for (const family of row.families ?? ['ipv4'])
    expect(await pageFor(row, site, family, 20_000), 'before the fault').toBe('200')
  return Math.max(700, Math.round(5 * (performance.now() - startedMs)))
}

async function verifyProblems(
  row: Row,
  { agent, server }: Site,
  before: Snapshot,
): Promise<{ problems: string[]; tookMs: number }> {
  const startedMs = performance.now()
  const finished = await agent.run(['verify', '--json'], { launcher: row.launcher ?? [] })
  const tookMs = performance.now() - startedMs
  const report = { ...finished.json<VerifyReport>(), exitCode: finished.exitCode }
  expect(report.checks, finished.stdout).toBeDefined()
  const ids = [...new Set((row.families ?? ['ipv4']).flatMap(family => checkIds[family]))]
  const halfOpen = row.leavesHalfOpen === true ? [] : await halfOpenConnections(server)
  const residue = [
    ...differences(before, await server.snapshot(), { except: row.ticking ?? [] }),
    ...halfOpen.map(line => `half-open connection: ${line}`),
  ]
  const expected = { ...row.verify, skipped: { ...NEVER_BOOTED, ...row.verify.skipped } }
  const problems = [...mismatches(report, expected, ids), ...residue.map(line => `left behind: ${line}`)]
  return { problems, tookMs }
}

/** A client that is there answers at once, or says that it knows nothing of a connection. */
async function halfOpenConnections(server: Host): Promise<string[]> {
  const list = await server.run('ss', ['-Htn', 'state', 'syn-recv'])
  return list.split('\n').filter(Boolean)
}

async function residueOfKilled(
  row: Row,
  { agent, server }: Site,
  before: Snapshot,
  killAfterMs: number,
): Promise<string[]> {
  const verifying = agent.start(['verify', '--json'], { launcher: row.launcher ?? [], input: '' })
  const timer = setTimeout(() => killWithChildren(verifying), killAfterMs)
  await verifying
  clearTimeout(timer)
  // The kernel removes a device of a process that is gone when it finds the time to.
  const deadline = performance.now() + 2000
  for (;;) {
    const found = differences(before, await server.snapshot(), { except: row.ticking ?? [] })
    const residue = found.filter(
      line => !isResolvedGateway(line, before) && !isUnownedTrap(line) && !isNotedStranger(line),
    )
    if (residue.length === 0 || performance.now() > deadline)
      return residue.map(line => `left behind when killed after ${killAfterMs} ms: ${line}`)
  }
}

/** Any packet would have left that one behind. */
function isResolvedGateway(line: string, { routes }: Snapshot): boolean {
  const gateways = (routes as { gateway?: string }[]).flatMap(({ gateway }) => gateway ?? [])
  return gateways.some(gateway => line.startsWith('learnedNeighbours: + ') && line.includes(`"${gateway}"`))
}

/**
 * A host that answers for others notes who asks, and verify asks it once in the name of an address that nobody has
 * (agent/realserver/verify/strangers.ts): killed between the question and its forgetting, it leaves that entry, which
 * the kernel drops by itself.
 */
function isNotedStranger(line: string): boolean {
  return /^learnedNeighbours: \+ .*"(192\.0\.2|198\.51\.100|203\.0\.113)\.77"/.test(line)
}

/** Before Linux 5.12 no table goes with its process: the next verify removes what a killed one left. */
function isUnownedTrap(line: string): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return (major < 5 || (major === 5 && minor < 12)) && /^firewall: .*"rs-agent-[0-9]+"/.test(line)
}

/** A launcher that stays, like strace, would let the agent go on. */
function killWithChildren(launched: Spawned): void {
  for (const child of childrenOf(launched.pid)) process.kill(child, 'SIGKILL')
  launched.kill('SIGKILL')
}

function childrenOf(pid: number | undefined): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return children.split(' ').filter(Boolean).map(Number)
  } catch {
    return [] // it has ended meanwhile
  }
}

async function sightProblems(row: Row, site: Site, patienceMs: number): Promise<string[]> {
  const problems: string[] = []
  await forgetNeighbours(site)
  for (const family of row.families ?? ['ipv4']) {
    const addressing = addressings[family]
    const { byClients: wanted = '200', claimingNics: claiming = [] } = sightOf(row, family)
    for (const { name, mac } of site.server.nics) {
      const claims = await site.neighbourhood.witness.isClaimedBy(mac, addressing.vip)
      if (claims !== claiming.includes(name))
        problems.push(`the segment sees ${name} ${claims ? '' : 'not '}claim ${addressing.vip}`)
    }
    const page = await pageAsWanted(wanted, () => pageFor(row, site, family, patienceMs), site)
    if (page !== wanted) problems.push(`clients of ${addressing.vip} get ${page}, not ${wanted}`)
  }
  return problems
}

/**
 * Looks again at what is not as wanted: a server that nobody can ask is found all the same by whom it has just asked
 * itself, as it does for the last packets of a verify that was killed.
 */
async function pageAsWanted(wanted: string, look: () => Promise<string>, site: Site): Promise<string> {
  for (let looksLeft = 3; ; looksLeft--) {
    const page = await look()
    if (page === wanted || (wanted === 'nothing' && page.startsWith('no answer'))) return wanted
    if (looksLeft === 1) return page
    await forgetNeighbours(site)
  }
}

/** Nobody lives for ever on what was resolved before the fault. */
async function forgetNeighbours({ neighbourhood, server }: Site): Promise<void> {
  const flush = 'ip -4 neigh flush all && ip -6 neigh flush all'
  await Promise.all([neighbourhood.director, server].map(host => host.run('sh', ['-c', flush])))
}

function sightOf({ seen = {}, seenOfIpv4 = seen }: Row, family: AddressFamily): Sight {
  return family === 'ipv4' ? seenOfIpv4 : seen
}

function pageFor(
  row: Row,
  { neighbourhood }: Site,
  family: AddressFamily,
  timeoutMs: number,
): Promise<string> {
  const { vip, client, gateway } = addressings[family]
  const url = `http://${family === 'ipv6' ? `[${vip}]` : vip}/`
  const from = sightOf(row, family).from === 'on the segment' ? gateway : client
  return neighbourhood.witness.requestPage({ vip, url, from, timeoutMs }, neighbourhood)
}
