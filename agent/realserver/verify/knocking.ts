import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../host/host.ts'
import type { TcpSighting } from '../../host/native.ts'
import { halfOpenPeerPorts } from '../../host/tcp-sockets.ts'
import { byFirstMethod, type InjectionMethod, NoVantage } from '../../host/vantage/injection.ts'
import { type Knock, openTcpVantage, type TcpVantage } from '../../host/vantage/tcp.ts'
import { type IpAddress, withPort } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { arpNics } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'

/** Injects SYNs as if the director had handed them over, and sees what the host does with each. */

/** What the host did with a SYN. */
export type Reaction =
  | {
      kind: 'accepted'
      from: IpAddress
      latencyMs: number
      by: string
      method: InjectionMethod
      /** Whether the packet that followed the SYN, our reset, came to the connection as well. */
      ended: boolean
    }
  | { kind: 'reset'; from: IpAddress }
  | { kind: 'icmp'; type: number; code: number; from: IpAddress }
  | { kind: 'silence' }

/** Waits for an answer; between them the SYN is repeated. The worst under full load was 28 ms. */
const WAITS_MS = [40, 80, 160]
/** For a reset to end its connection: as long as for an answer. */
const ENDING_MS = 160
const POLL_MS = 10

/** What came of each knock, by its client port; silence is not noted. */
export async function knockOn(
  host: Host,
  found: FoundHost,
  nic: Link,
  knocks: readonly Knock[],
): Promise<Map<number, Reaction> | NoVantage> {
  if (knocks.length === 0) return new Map()
  const ports = knocks.map(({ clientPort }) => clientPort)
  const clientPorts = { first: Math.min(...ports), last: Math.max(...ports) }
  // Whatever the way back: the answer may leave by another NIC than the question came in.
  const watched = arpNics(found.links).filter(({ up }) => up)
  try {
    return await byFirstMethod(async method => {
      const vantage = await openTcpVantage(nic, watched, clientPorts, method, host.network)
      try {
        return await knockInRounds(vantage, found, knocks)
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
  knocks: readonly Knock[],
): Promise<Map<number, Reaction>> {
  const reactions = new Map<number, Reaction>()
  const arrived = new Map<number, number>()
  const nameOf = (index: number): string =>
    found.links.find(link => link.index === index)?.name ?? `if${index}`
  for (const waitMs of WAITS_MS) {
    for (const knock of knocks) if (!reactions.has(knock.clientPort)) vantage.knock(knock)
    const end = performance.now() + waitMs
    for (let left = waitMs; left > 0 && reactions.size < knocks.length; left = end - performance.now())
      for (const sighting of await vantage.watch(left)) {
        const { clientPort, reaction } = interpret(sighting, arrived, vantage.method, nameOf)
        if (reaction !== null && !reactions.has(clientPort)) reactions.set(clientPort, reaction)
      }
    if (reactions.size === knocks.length) break
  }
  // Whatever was seen: a connection that was opened half must not stay.
  for (const knock of knocks) vantage.hangUp(knock)
  const lost = knocks.find(({ clientPort }) => !arrived.has(clientPort))
  if (lost !== undefined)
    throw new NoVantage(
      'unanswered',
      `${vantage.method}: the SYN for ${withPort(lost.vip, lost.port)} did not arrive`,
    )
  await noteWhatStaysOpen(reactions, knocks)
  return reactions
}

/** A firewall may let a SYN in, and nothing of what comes after it: then clients never get anything. */
async function noteWhatStaysOpen(reactions: Map<number, Reaction>, knocks: readonly Knock[]): Promise<void> {
  const ports = new Set(knocks.map(({ port }) => port))
  const stillOpen = (): number[] =>
    [...ports].flatMap(port => {
      const peerPorts = halfOpenPeerPorts(port)
      return knocks
        .filter(knock => knock.port === port && peerPorts.has(knock.clientPort))
        .map(({ clientPort }) => clientPort)
    })
  const deadline = performance.now() + ENDING_MS
  let open = stillOpen()
  for (; open.length > 0 && performance.now() < deadline; open = stillOpen()) await sleep(POLL_MS)
  for (const clientPort of open) {
    const reaction = reactions.get(clientPort)
    if (reaction?.kind === 'accepted') reactions.set(clientPort, { ...reaction, ended: false })
  }
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
    reaction: isAnswer
      ? { kind: 'accepted', from, latencyMs, by: nicName(ifindex), method, ended: true }
      : null,
  }
}
