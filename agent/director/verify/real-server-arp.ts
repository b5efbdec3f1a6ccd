import type { Host } from '../../host/host.ts'
import { NoVantage } from '../../host/vantage/injection.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { Memory } from '../../segment/learnt.ts'
import { questionTarget } from '../../segment/target.ts'
import type { WantedDirector } from '../desired.ts'
import type { CheckResult } from './check.ts'
import {
  type Deaf,
  each,
  hintOf,
  isThisHost,
  type Member,
  membersOf,
  neighbourAddress,
  nicOf,
} from './real-servers.ts'

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
  const pairs = new Map<string, Member>()
  // Masqueraded real servers have no VIP to hide.
  for (const member of membersOf(wanted))
    if (member.method !== 'masquerade') pairs.set(`${member.vip} ${member.address}`, member)
  return each([...pairs.values()], member => checkMember(member, nic, wanted, found, { host, neighbours }))
}

async function checkMember(
  { vip, address }: Member,
  nic: Link | Deaf,
  wanted: WantedDirector,
  found: FoundHost,
  memory: Omit<Memory, 'nic'>,
): Promise<CheckResult> {
  const say = (verdict: CheckResult['verdict'], evidence: string, hint = ''): CheckResult => ({
    id: 'real-server-arp',
    subject: `${vip} on ${address}`,
    verdict,
    evidence,
    hint,
  })
  if (isThisHost(address, found)) return say('skipped', 'this host itself')
  if ('why' in nic) return say('unknown', nic.why, nic.hint)
  const vips = wanted.vips.map(({ address }) => address)
  if (neighbourAddress(nic, address, vips, found) === undefined)
    return say('skipped', `it is not on the segment of ${nic.name}: nobody there hears it`)
  try {
    const known = { directors: [], siblings: [address], vips }
    const { isThere, owner } = await questionTarget({ ...memory, nic, vip, target: address, known, found })
    if (!isThere)
      return say(
        'unknown',
        'it does not answer for its own address either: it is down, or not there',
        `ping -c 1 ${address}`,
      )
    if (owner === null) return say('pass', 'asked alone, it is silent')
    return say(
      'fail',
      `it answers "who has ${vip}" with ${owner.mac}`,
      `on ${address}: rs-agent apply, or rs-agent verify to see why`,
    )
  } catch (error) {
    if (!(error instanceof NoVantage)) throw error
    return say('unknown', error.message, hintOf(error, nic))
  }
}
