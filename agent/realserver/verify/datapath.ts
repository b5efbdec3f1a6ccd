import type { Host } from '../../host/host.ts'
import type { TcpSighting } from '../../host/native.ts'
import { byFirstMethod, type InjectionMethod, NoVantage } from '../../host/vantage/injection.ts'
import { type Knock, openTcpVantage, type TcpVantage } from '../../host/vantage/tcp.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { arpNics, pathNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { chooseClients, type TestClient } from './clients.ts'
import { blame, type Reaction } from './datapath-blame.ts'
import { type WayBack, WaysBack } from './way-back.ts'

/**
 * What a client sends to VIP:port and the director hands over is accepted, and answered from the VIP: a SYN is
 * injected on the NIC as if the director had sent it, and the SYN-ACK is seen leaving.
 */

/** Waits for an answer; between them the SYN is repeated. The worst under full load was 28 ms. */
const WAITS_MS = [40, 80, 160]
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
    return [...results, ...settled.flat()]
  } finally {
    await waysBack.forget()
  }
}

async function prepareTrials(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  waysBack: WaysBack,
): Promise<{ trials: Trial[]; results: CheckResult[] }> {
  const trials: Trial[] = []
  const results: CheckResult[] = []
  // Connections of other runs, a moment ago, are remembered by their port.
  let clientPort = FIRST_PORT + Math.floor(Math.random() * 8_000)
  for (const { vip, ports } of wanted.services) {
    if (ports.length === 0) results.push(skipped(vip, 'the configuration names no port'))
    for (const text of ports) {
      const [number = '', protocol] = text.split('/')
      const subject = `${vip}:${number}`
      if (protocol !== 'tcp') {
        results.push(skipped(`${subject}/${protocol}`, `${protocol} has no handshake to watch`))
        continue
      }
      const nics = pathNics(wanted, found, vip)
      if (nics.length === 0) results.push(unknown(subject, 'no NIC of this host faces the segment'))
      for (const nic of nics) {
        const name = nics.length === 1 ? subject : `${subject} on ${nic.name}`
        const clients = await chooseClients(host, wanted, found, vip, nic)
        if (clients.length === 0) results.push(unknown(name, noClient(vip)))
        for (const client of clients) {
          const knock = { client: client.address, clientPort, vip, port: Number(number) }
          clientPort = clientPort === LAST_PORT ? FIRST_PORT : clientPort + 1
          const way = await waysBack.prepare({ nic, client: client.address, vip })
          trials.push({
            subject: clients.length === 1 ? name : `${name} from ${client.address}`,
            nic,
            knock,
            client,
            way,
          })
        }
      }
    }
  }
  return { trials, results }
}

async function tryNic(
  host: Host,
  found: FoundHost,
  nic: Link,
  trials: readonly Trial[],
): Promise<CheckResult[]> {
  if (!nic.up || !nic.carrier) {
    const why = `${nic.name} ${nic.up ? 'has no carrier' : 'is down'}`
    return trials.map(({ subject }) => unknown(subject, why))
  }
  const safe = trials.filter(({ way }) => way.obstacle === null)
  const reactions = await knockOn(host, found, nic, safe)
  return Promise.all(
    trials.map(async ({ subject, knock, client, way }) => {
      if (way.obstacle?.kind === 'unsafe') return unknown(subject, way.obstacle.why)
      if (reactions instanceof NoVantage) return unknown(subject, reactions.message)
      const seen = reactions.get(knock.clientPort)
      const reaction: Reaction = seen ?? { kind: 'silence' }
      if (reaction.kind === 'accepted' && reaction.from === knock.vip)
        return passed(subject, client, nic, reaction)
      return {
        id: 'datapath',
        subject,
        verdict: 'fail',
        ...(await blame(host, found, { nic, knock, client, way, reaction })),
      }
    }),
  )
}

/** What came of each knock, by its client port; silence is not noted. */
async function knockOn(
  host: Host,
  found: FoundHost,
  nic: Link,
  trials: readonly Trial[],
): Promise<Map<number, Reaction> | NoVantage> {
  if (trials.length === 0) return new Map()
  const ports = trials.map(({ knock }) => knock.clientPort)
  const clientPorts = { first: Math.min(...ports), last: Math.max(...ports) }
  // Whatever the way back: the answer may leave by another NIC than the question came in.
  const watched = arpNics(found.links).filter(({ up }) => up)
  try {
    return await byFirstMethod(async method => {
      const vantage = await openTcpVantage(nic, watched, clientPorts, method, host.network)
      try {
        return await knockInRounds(vantage, found, trials)
      } finally {
        vantage.close()
      }
    })
  } catch (error) {
    if (error instanceof NoVantage) return error
    throw error
  }
}

async function knockInRounds(
  vantage: TcpVantage,
  found: FoundHost,
  trials: readonly Trial[],
): Promise<Map<number, Reaction>> {
  const reactions = new Map<number, Reaction>()
  const arrived = new Map<number, number>()
  const nameOf = (index: number): string =>
    found.links.find(link => link.index === index)?.name ?? `if${index}`
  for (const waitMs of WAITS_MS) {
    const open = trials.filter(({ knock }) => !reactions.has(knock.clientPort))
    for (const { knock } of open) vantage.knock(knock)
    const end = performance.now() + waitMs
    for (let left = waitMs; left > 0 && reactions.size < trials.length; left = end - performance.now())
      for (const sighting of await vantage.watch(left)) {
        const { clientPort, reaction } = interpret(sighting, arrived, vantage.method, nameOf)
        if (reaction !== null && !reactions.has(clientPort)) reactions.set(clientPort, reaction)
      }
    if (reactions.size === trials.length) break
  }
  // Whatever was seen: a connection that was opened half must not stay.
  for (const { knock } of trials) vantage.hangUp(knock)
  const lost = trials.find(({ knock }) => !arrived.has(knock.clientPort))
  if (lost !== undefined)
    throw new NoVantage(`${vantage.method}: the SYN for ${lost.knock.vip}:${lost.knock.port} did not arrive`)
  return reactions
}

function interpret(
  { outgoing, timestampUs, ifindex, packet }: TcpSighting,
  arrived: Map<number, number>,
  method: InjectionMethod,
  nicName: (index: number) => string,
): { clientPort: number; reaction: Reaction | null } {
  if (packet.kind === 'icmp-error') {
    const { type, code, quoted, sourceIp } = packet
    const reaction: Reaction | null = outgoing
      ? { kind: 'icmp', type, code, from: sourceIp as IpAddress }
      : null
    return { clientPort: quoted.sourcePort, reaction }
  }
  if (!outgoing) {
    if (packet.syn && !arrived.has(packet.sourcePort)) arrived.set(packet.sourcePort, timestampUs)
    return { clientPort: packet.sourcePort, reaction: null }
  }
  const clientPort = packet.destinationPort
  const latencyMs = (timestampUs - (arrived.get(clientPort) ?? timestampUs)) / 1000
  const from = packet.sourceIp as IpAddress
  if (packet.rst) return { clientPort, reaction: { kind: 'reset', from } }
  const isAnswer = packet.syn && packet.ack
  return {
    clientPort,
    reaction: isAnswer ? { kind: 'accepted', from, latencyMs, by: nicName(ifindex), method } : null,
  }
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

function noClient(vip: IpAddress): string {
  return `no route leads to clients of ${vip}, and no neighbour is known that could stand for one`
}

function unknown(subject: string, why: string): CheckResult {
  const hint = /EPERM|EACCES/.test(why)
    ? 'needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (or CAP_SYS_ADMIN): run as root'
    : /neighbour is known/.test(why)
      ? 'tell where clients come from: clients: [NETWORK]'
      : 'try it with a client: curl http://VIP/'
  return { id: 'datapath', subject, verdict: 'unknown', evidence: `could not be tried: ${why}`, hint }
}

function skipped(subject: string, evidence: string): CheckResult {
  return { id: 'datapath', subject, verdict: 'skipped', evidence, hint: '' }
}
