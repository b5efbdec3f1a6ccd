import type { Host } from '../../host/host.ts'
import { NoVantage, type Obstacle } from '../../host/vantage/injection.ts'
import type { Knock } from '../../host/vantage/tcp.ts'
import { familyOf, type IpAddress, withPort } from '../../model/address.ts'
import type { Link, Neighbour } from '../../model/network.ts'
import { isUnplugged, whyUnplugged } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { pathNics } from '../nics.ts'
import { whatIsPassedBy } from './beneath.ts'
import type { CheckResult } from './check.ts'
import { chooseClients, type TestClient } from './clients.ts'
import { blame } from './datapath-blame.ts'
import { knockOn, type Reaction } from './knocking.ts'
import { type WayBack, WaysBack } from './way-back.ts'

/**
 * What a client sends to VIP:port and the director hands over is accepted, and answered from the VIP: a SYN is
 * injected on the NIC as if the director had sent it, and the SYN-ACK is seen leaving.
 */

/** IANA's dynamic ports (RFC 6335): ours must differ from one another. */
const FIRST_PORT = 49_152
const LAST_PORT = 65_535

interface Trial {
  subject: string
  nic: Link
  knock: Knock
  client: TestClient
  way: WayBack
}

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

async function prepareTrials(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  waysBack: WaysBack,
): Promise<{ trials: Trial[]; results: CheckResult[] }> {
  const trials: Trial[] = []
  const results: CheckResult[] = []
  const clientPorts = freshPorts()
  const neighbours = await host.network.neighbours()
  for (const { vip, port, subject } of doorsOf(wanted, results)) {
    const nics = pathNics(wanted, found, vip)
    if (nics.length === 0) results.push(unknown(subject, 'no NIC of this host faces the segment'))
    for (const nic of nics) {
      const name = nics.length === 1 ? subject : `${subject} on ${nic.name}`
      if (isUnplugged(nic)) {
        results.push(unknown(name, whyUnplugged(nic)))
        continue
      }
      const clients = await chooseClients(host, wanted, found, vip, nic)
      if (clients.length === 0)
        results.push(
          unknown(name, noClient(vip, wanted), 'tell where clients come from: clients: [NETWORK or ADDRESS]'),
        )
      for (const client of clients) {
        const connection = { client: client.address, clientPort: clientPorts.next().value, vip, port }
        trials.push({
          subject: clients.length === 1 ? name : `${name} from ${client.address}`,
          nic,
          client,
          knock: { ...connection, fromMac: directorMac(wanted, nic, neighbours) },
          way: await waysBack.prepare({ nic, ...connection }),
        })
      }
    }
  }
  return { trials, results }
}

function directorMac(
  { directors }: WantedRealServer,
  nic: Link,
  neighbours: readonly Neighbour[],
): string | null {
  const director = neighbours.find(
    ({ link, address, mac }) => link === nic.name && mac !== null && directors.includes(address),
  )
  return director?.mac ?? null
}

interface Door {
  vip: IpAddress
  port: number
  subject: string
}

/** Every VIP:port at which somebody can knock; the others go to the results. */
function doorsOf({ services }: WantedRealServer, results: CheckResult[]): Door[] {
  return services.flatMap(({ vip, ports }) => {
    if (ports.length === 0) results.push(skipped(vip, 'the configuration names no port'))
    return ports.flatMap((text): Door[] => {
      const [number = '', protocol = ''] = text.split('/')
      const subject = withPort(vip, number)
      if (protocol === 'tcp') return [{ vip, port: Number(number), subject }]
      results.push(skipped(`${subject}/${protocol}`, `${protocol} has no handshake to watch`))
      return []
    })
  })
}

/** Connections of other runs, a moment ago, are remembered by their port. */
function* freshPorts(): Generator<number, never> {
  for (let port = FIRST_PORT + Math.floor(Math.random() * 8_000); ; port++) {
    if (port > LAST_PORT) port = FIRST_PORT
    yield port
  }
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
  return Promise.all(
    trials.map(async trial => {
      const { subject, knock, client, way } = trial
      if (way.obstacle?.kind === 'unsafe') return unknown(subject, way.obstacle.why)
      if (reactions instanceof NoVantage)
        return unknown(subject, reactions.message, CURES[reactions.obstacle])
      const reaction = reactions.get(knock.clientPort) ?? { kind: 'silence' }
      if (reaction.kind === 'accepted' && reaction.from === knock.vip) {
        if (passedBy !== null) return unknown(subject, passedBy)
        return reaction.ended ? passed(subject, client, nic, reaction) : stayedOpen(subject, client)
      }
      return accuse(host, found, { ...trial, reaction })
    }),
  )
}

async function accuse(
  host: Host,
  found: FoundHost,
  { subject, nic, knock, client, way, reaction }: Trial & { reaction: Reaction },
): Promise<CheckResult> {
  const { suspect, ...finding } = await blame(host, found, { nic, knock, client, way, reaction })
  if (suspect === 'firewall' && client.isGuess && (await letsNeighbourIn(host, found, { nic, knock, way })))
    return {
      id: 'datapath',
      subject,
      verdict: 'unknown',
      evidence: `${finding.evidence}; yet it lets ${way.nextHop} in, so perhaps it only drops addresses that clients do not have`,
      hint: 'tell where clients come from: clients: [NETWORK]',
    }
  return { id: 'datapath', subject, verdict: 'fail', ...finding }
}

/** Many firewalls drop what comes from networks for documentation, where our guess of a client lies. */
async function letsNeighbourIn(
  host: Host,
  found: FoundHost,
  { nic, knock, way }: Pick<Trial, 'nic' | 'knock' | 'way'>,
): Promise<boolean> {
  const { nextHop } = way
  if (nextHop === null || nextHop === knock.client || nextHop.startsWith('fe80:')) return false
  const reactions = await knockOn(host, found, nic, [{ ...knock, client: nextHop }])
  return !(reactions instanceof NoVantage) && reactions.get(knock.clientPort)?.kind === 'accepted'
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

function noClient(vip: IpAddress, { clients }: WantedRealServer): string {
  if (clients.some(({ address }) => familyOf(address) === familyOf(vip)))
    return 'the configured clients are neighbours, and no known host is among them'
  return `this host has no default route, so that nobody knows where clients of ${vip} are`
}

const TRY_IT = 'try it with a client: curl http://VIP/'
const CURES: Record<Obstacle, string> = {
  'missing-capability': 'needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (or CAP_SYS_ADMIN): run as root',
  refused: TRY_IT,
  unanswered: TRY_IT,
}

function unknown(subject: string, why: string, hint = TRY_IT): CheckResult {
  return { id: 'datapath', subject, verdict: 'unknown', evidence: `could not be tried: ${why}`, hint }
}

function skipped(subject: string, evidence: string): CheckResult {
  return { id: 'datapath', subject, verdict: 'skipped', evidence, hint: '' }
}
