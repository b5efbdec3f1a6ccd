import type { Host } from '../../host/host.ts'
import type { TcpPacket } from '../../host/native.ts'
import { type Door, type Knocker, openKnocker } from '../../host/vantage/knock.ts'
import { familyOf, type IpAddress, withPort } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { collectAnswers, sendersOn } from '../../segment/asking.ts'
import { forgetLearnt, type Memory } from '../../segment/learnt.ts'
import type { WantedDirector } from '../desired.ts'
import { answerIn, isHalfOpen, judgeAnswer, VERIFY_PORTS } from '../door.ts'
import { askOn, type Deaf, nicOf, type Say, sayerOf } from './ask-on-nic.ts'
import type { CheckResult } from './check.ts'
import { each, isThisHost, type Member, membersOf, neighbourAddress } from './real-servers.ts'

/**
 * Goes the way of a client: a SYN for VIP:port, sent to the real server's own MAC as IPVS sends it, must be answered
 * from the VIP. A real server that is fine on its own address but lost the VIP is found here, and nowhere else.
 */
export async function checkRealServerPath(
  host: Host,
  wanted: WantedDirector,
  found: FoundHost,
): Promise<CheckResult[]> {
  const nic = nicOf(wanted, found)
  const members = membersOf(wanted)
  const memory = { host, neighbours: await host.network.neighbours() }
  return each([...members.entries()], ([index, member]) =>
    checkMember(member, VERIFY_PORTS.first + (index % CLIENT_PORT_COUNT), nic, wanted, found, memory),
  )
}

const CLIENT_PORT_COUNT = VERIFY_PORTS.last - VERIFY_PORTS.first + 1
const MAC_WAIT_MS = 500
/** Waits for an answer; between them the SYN is repeated. */
const WAITS_MS = [100, 200, 400]

async function checkMember(
  member: Member,
  clientPort: number,
  nic: Link | Deaf,
  wanted: WantedDirector,
  found: FoundHost,
  memory: Omit<Memory, 'nic'>,
): Promise<CheckResult> {
  const { vip, address, key } = member
  const say = sayerOf('real-server-path', `${withPort(vip, key.port)}/${key.protocol} on ${address}`)
  const why = whyNotTried(member, found)
  if (why !== null) return say('skipped', why)
  return askOn(nic, say, async nic => {
    const vips = wanted.vips.map(({ address }) => address)
    const client = neighbourAddress(nic, address, vips, found)
    if (client === undefined)
      return say(
        'fail',
        `it is not on the segment of ${nic.name}: direct routing reaches neighbours alone`,
        'use the tunnel, or move it to the segment',
      )
    const mac = await macOf({ ...memory, nic }, address, vips, found)
    if (mac === null)
      return say(
        'fail',
        'it does not answer for its own address: it is down, or not there',
        `ping -c 1 ${address}`,
      )
    return knockOn({ mac, address: vip, port: key.port, client, clientPort }, address, nic, say)
  })
}

function whyNotTried({ key, method, address }: Member, found: FoundHost): string | null {
  if (key.protocol !== 'tcp') return `only TCP answers whoever knocks, not ${key.protocol}`
  if (key.port === 0) return 'the service is of every port, and tells none to knock on'
  if (isThisHost(address, found)) return 'this host itself: nothing is sent'
  return method === 'direct-route' ? null : `${method} does not send to the MAC of the real server`
}

/** Null when nobody answers for the address. */
async function macOf(
  memory: Memory,
  address: IpAddress,
  vips: readonly IpAddress[],
  found: FoundHost,
): Promise<string | null> {
  const { nic } = memory
  const family = familyOf(address)
  const from = sendersOn(nic, found, [...vips, address], family)
  const asking = {
    nic,
    family,
    addresses: [address],
    from,
    waitMs: MAC_WAIT_MS,
    untilAnswered: true,
  } as const
  try {
    const [answer] = await collectAnswers(asking)
    return answer?.mac ?? null
  } finally {
    await forgetLearnt([address], memory)
  }
}

async function knockOn(door: Door, rip: IpAddress, nic: Link, say: Say): Promise<CheckResult> {
  const knocker = openKnocker(nic, { first: door.clientPort, last: door.clientPort })
  try {
    const startedAt = performance.now()
    const answer = await firstAnswer(knocker, door)
    const latencyMs = (performance.now() - startedAt).toFixed(1)
    const where = withPort(door.address, door.port)
    if (answer === null)
      return say(
        'fail',
        `no answer to a SYN for ${where}: it lost the VIP, or a firewall drops what is for it`,
        `on ${rip}: rs-agent verify says which`,
      )
    const verdict = judgeAnswer(answer, door)
    if (verdict.kind === 'shut') return say('fail', verdict.why, `on ${rip}: ${verdict.onRealServer}`)
    return say('pass', `answers from ${where} in ${latencyMs} ms`)
  } finally {
    knocker.close()
  }
}

async function firstAnswer(knocker: Knocker, door: Door): Promise<TcpPacket | null> {
  for (const waitMs of WAITS_MS) {
    knocker.knock(door)
    const end = performance.now() + waitMs
    for (let left = waitMs; left > 0; left = end - performance.now()) {
      const answer = (await knocker.watch(left))
        .map(sighting => answerIn(sighting, door))
        .find(packet => packet !== null)
      if (answer === undefined) continue
      if (isHalfOpen(answer)) knocker.hangUp(door)
      return answer
    }
  }
  // It may have been accepted all the same, and the answer be lost.
  knocker.hangUp(door)
  return null
}
