import type { Host } from '../../host/host.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { Memory } from '../../segment/learnt.ts'
import { questionTarget } from '../../segment/target.ts'
import type { WantedDirector } from '../desired.ts'
import { askOn, type Deaf, nicOf, type Say, sayerOf } from './ask-on-nic.ts'
import type { CheckResult } from './check.ts'
import { each, isThisHost, type Member, membersOf, neighbourAddress } from './real-servers.ts'

/**
 * Asks each real server by itself, straight to its MAC, who has the VIP. One that answers steals the site as soon
 * as a client or a router asks at the wrong moment; here it is found before.
 */
export async function checkRealServerArp(
  host: Host,
  wanted: WantedDirector,
  found: FoundHost,
): Promise<CheckResult[]> {
  const nic = nicOf(wanted, found)
  const neighbours = await host.network.neighbours()
  return each(hidingMembers(wanted), member => judgeMember(member, nic, wanted, found, { host, neighbours }))
}

/** Each real server with each of its VIPs, once. Masqueraded ones have no VIP to hide. */
export function hidingMembers(wanted: Pick<WantedDirector, 'pools'>): Member[] {
  const pairs = new Map<string, Member>()
  for (const member of membersOf(wanted))
    if (member.method !== 'masquerade') pairs.set(`${member.vip} ${member.address}`, member)
  return [...pairs.values()]
}

/** What was heard of one real server. */
export type Hearing =
  | { kind: 'silent' }
  | { kind: 'answers'; mac: string }
  /** It does not even answer for its own address. */
  | { kind: 'absent' }
  /** There is nothing to ask it. */
  | { kind: 'not asked'; why: string }

/** Throws NoVantage where the NIC cannot be asked. */
export async function askRealServer(
  { vip, address }: Member,
  nic: Link,
  wanted: Pick<WantedDirector, 'vips'>,
  found: Pick<FoundHost, 'addresses' | 'links'>,
  memory: Omit<Memory, 'nic'>,
): Promise<Hearing> {
  if (isThisHost(address, found)) return { kind: 'not asked', why: THIS_HOST }
  const vips = wanted.vips.map(({ address }) => address)
  if (neighbourAddress(nic, address, vips, found) === undefined)
    return { kind: 'not asked', why: `it is not on the segment of ${nic.name}: nobody there hears it` }
  const known = { directors: [], siblings: [address], vips }
  const { isThere, owner } = await questionTarget({ ...memory, nic, vip, target: address, known, found })
  if (!isThere) return { kind: 'absent' }
  return owner === null ? { kind: 'silent' } : { kind: 'answers', mac: owner.mac }
}

const THIS_HOST = 'this host itself'

async function judgeMember(
  member: Member,
  nic: Link | Deaf,
  wanted: WantedDirector,
  found: FoundHost,
  memory: Omit<Memory, 'nic'>,
): Promise<CheckResult> {
  const say = sayerOf('real-server-arp', `${member.vip} on ${member.address}`)
  if (isThisHost(member.address, found)) return say('skipped', THIS_HOST)
  return askOn(nic, say, async nic => {
    const hearing = await askRealServer(member, nic, wanted, found, memory)
    return judge(member, hearing, say)
  })
}

function judge({ vip, address }: Member, hearing: Hearing, say: Say): CheckResult {
  switch (hearing.kind) {
    case 'silent':
      return say('pass', 'asked alone, it is silent')
    case 'answers':
      return say(
        'fail',
        `it answers "who has ${vip}" with ${hearing.mac}`,
        `on ${address}: rs-agent apply, or rs-agent verify to see why`,
      )
    case 'absent':
      return say(
        'unknown',
        'it does not answer for its own address either: it is down, or not there',
        `ping -c 1 ${address}`,
      )
    case 'not asked':
      return say('skipped', hearing.why)
    default:
      return hearing satisfies never
  }
}
