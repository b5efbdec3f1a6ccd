import type { Host } from '../../host/host.ts'
import { covers, EVERY_IPV6, listenersOn } from '../../host/tcp-sockets.ts'
import type { Knock } from '../../host/vantage/tcp.ts'
import { familyOf, hostPrefixLength, type IpAddress, withPort } from '../../model/address.ts'
import { type Link, RTN_LOCAL, type Rule } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { isBound } from '../vip-address.ts'
import type { CheckResult } from './check.ts'
import { isVrfPort, type TestClient } from './clients.ts'
import type { Reaction } from './knocking.ts'
import { isReversePathRefusal, rpFilterPath } from './rp-filter.ts'
import type { WayBack } from './way-back.ts'

/** Who is to blame when a client's SYN is not answered from the VIP. */

export interface Accused {
  nic: Link
  knock: Knock
  client: TestClient
  way: WayBack
  reaction: Reaction
}

/** `firewall`: everything else that could be asked is right. */
export type Finding = Pick<CheckResult, 'evidence' | 'hint'> & { suspect?: 'firewall' }

export async function blame(host: Host, found: FoundHost, accused: Accused): Promise<Finding> {
  switch (accused.reaction.kind) {
    case 'accepted':
      return blameTranslation(accused, accused.reaction.from)
    case 'reset':
      return blameForReset(host, found, accused)
    case 'icmp':
      return blameForIcmp(host, found, accused, accused.reaction)
    case 'silence':
      return blameForSilence(host, found, accused)
    default:
      return accused.reaction satisfies never
  }
}

function blameTranslation({ knock, client }: Accused, from: IpAddress): Finding {
  return {
    evidence: `the SYN of ${client.name} was answered from ${from} instead of ${knock.vip}: the client drops that`,
    hint: 'a NAT rule changes the source: nft list ruleset; iptables -t nat -S',
  }
}

async function blameForReset(
  host: Host,
  found: FoundHost,
  { nic, knock, client }: Accused,
): Promise<Finding> {
  const { vip, port } = knock
  const listeners = listenersOn(port).map(({ address }) => address)
  const isCovered = listeners.some(address => covers(address, vip))
  const mayTakeIpv4 = listeners.includes(EVERY_IPV6)
  if ((isCovered || mayTakeIpv4) && isVrfPort(nic, found) && host.sysctl.read(TAKE_FROM_VRFS) === '0')
    return {
      evidence: `the SYN of ${client.name} was refused with RST: ${nic.name} belongs to a VRF, and what listens on port ${port} does not`,
      hint: `let listeners take connections of every VRF: sysctl -w ${TAKE_FROM_VRFS}=1`,
    }
  if (isCovered) return blameForResetDespiteListener(host, client, knock)
  if (familyOf(vip) === 4 && mayTakeIpv4)
    return {
      evidence: `the SYN of ${client.name} was refused with RST, and only a listener on [::]:${port} is there: it takes IPv6 alone, or the firewall rejects IPv4${await firewallNames(host)}`,
      hint: `make the server listen on ${vip}:${port} or 0.0.0.0:${port} too; ss -ltn 'sport = :${port}' shows what listens`,
    }
  const others = listeners.filter(address => familyOf(address) === familyOf(vip))
  const elsewhere = others.length === 0 ? '' : `; port ${port} is served only on ${others.join(', ')}`
  return {
    evidence: `nothing listens on ${withPort(vip, port)}: the SYN of ${client.name} was refused with RST${elsewhere}`,
    hint: `make the server listen on ${withPort(vip, port)} or on every address; ss -ltn 'sport = :${port}' shows what listens`,
  }
}

/** Of IPv6 as well. */
const TAKE_FROM_VRFS = 'net/ipv4/tcp_l3mdev_accept'

/** Which NIC a listener is tied to the kernel's table does not tell; without a firewall it is that. */
async function blameForResetDespiteListener(
  host: Host,
  { name }: TestClient,
  { vip, port }: Knock,
): Promise<Finding> {
  const refused = `the SYN of ${name} was refused with RST although something listens there`
  const look = `ss -ltn 'sport = :${port}' shows ADDRESS%NIC`
  const filters = await host.netfilter.packetFilters().catch(() => null)
  if (filters?.length === 0)
    return {
      evidence: `${refused}: it takes connections of another NIC alone (SO_BINDTODEVICE), as there is no firewall`,
      hint: `make the server listen on every NIC: ${look}`,
    }
  return {
    evidence: `${refused}: the firewall rejects it${await firewallNames(host)}`,
    suspect: 'firewall',
    hint: `let tcp port ${port} to ${vip} in: nft list ruleset; iptables -S INPUT; or is the listener tied to another NIC? ${look}`,
  }
}

async function blameForIcmp(
  host: Host,
  found: FoundHost,
  accused: Accused,
  { type, code, from }: Extract<Reaction, { kind: 'icmp' }>,
): Promise<Finding> {
  const routing = await blameRouting(host, found, accused)
  const said = `the host answered with ICMP type ${type} code ${code} from ${from}`
  if (routing !== null) return { ...routing, evidence: `${routing.evidence}; ${said}` }
  return {
    evidence: `the firewall rejects the SYN of ${accused.client.name}: ${said}${await firewallNames(host)}`,
    suspect: 'firewall',
    hint: `let tcp port ${accused.knock.port} to ${accused.knock.vip} in: nft list ruleset; iptables -S INPUT`,
  }
}

async function blameForSilence(host: Host, found: FoundHost, accused: Accused): Promise<Finding> {
  const { knock, client, way } = accused
  const routing = await blameRouting(host, found, accused)
  if (routing !== null) return routing
  if (way.obstacle?.kind === 'absent') {
    const role = way.nextHop === client.address ? 'the client' : 'the gateway'
    return {
      evidence: `${role} ${way.obstacle.why}: an answer from ${knock.vip} to ${client.address} has nobody to go to`,
      hint: `is the gateway up, and on this segment? ip route get ${client.address} from ${knock.vip}; ip neigh`,
    }
  }
  const { vip, port } = knock
  const queue = listenersOn(port).find(({ address, waiting }) => covers(address, vip) && waiting > 0)
  if (queue !== undefined)
    return {
      evidence: `the SYN of ${client.name} was dropped while ${queue.waiting} connections wait in the accept queue of port ${port}: the server does not take them any more`,
      hint: `is the server stuck? ss -ltn 'sport = :${port}' shows its queue; restart it`,
    }
  return {
    evidence: `the SYN of ${client.name} vanished in this host; address, routes and gateway are right, so it is a firewall${await firewallNames(host)}${await markRuleNames(host, vip)}`,
    suspect: 'firewall',
    hint: `let tcp port ${knock.port} to ${knock.vip} in, and its answers out (a limit on new connections would drop it too): nft list ruleset; iptables-save; tc filter show dev ${accused.nic.name} ingress`,
  }
}

/** What the address and the kernel's own route lookups say, without a knock; null when they find nothing wrong. */
export async function blameRouting(
  host: Host,
  found: FoundHost,
  accused: Omit<Accused, 'reaction'>,
): Promise<Finding | null> {
  const { nic, knock, client, way } = accused
  const { vip } = knock
  if (!isBound(vip, found))
    return {
      evidence: `${vip} is not bound: this host drops what the director sends it (a black hole)`,
      hint: `rs-agent apply, or, once ARP is silenced: ip addr add ${vip}/${hostPrefixLength(vip)} dev lo`,
    }
  const { arrival, departure } = way
  if (isReversePathRefusal(arrival, nic, departure, found))
    return {
      evidence: `rp_filter drops what ${client.name} sends to ${vip} on ${nic.name}: the way back is another one`,
      hint: `rs-agent explain rp-filter; sysctl -w ${rpFilterPath(nic.name)}=2`,
    }
  if (arrival.kind === 'refused')
    return {
      evidence: `a policy keeps ${vip} from being delivered: the kernel refuses what arrives on ${nic.name} for it (${arrival.message})${await ruleNames(host, vip)}`,
      hint: `ip route get ${vip} from ${client.address} iif ${nic.name}; ip rule`,
    }
  if (arrival.type !== RTN_LOCAL) return blameForeignTable(host, accused, arrival.link)
  if (departure.kind === 'refused')
    return {
      evidence: `a policy route keeps answers from leaving: from ${vip} to ${client.address} the kernel says ${departure.message}${await ruleNames(host, vip)}`,
      hint: `ip route get ${client.address} from ${vip}; ip rule; ip route show table all`,
    }
  if (departure.type === RTN_LOCAL)
    return {
      evidence: `${client.address} counts as this host's own address: answers to it never leave`,
      hint: `ip route get ${client.address}; a wide prefix on lo makes its whole subnet local`,
    }
  return null
}

async function blameForeignTable(
  host: Host,
  { nic, knock, client }: Omit<Accused, 'reaction'>,
  link: string | null,
): Promise<Finding> {
  const where = link === null ? 'nowhere' : `to ${link}`
  return {
    evidence: `an ip rule keeps ${knock.vip} from being delivered: what arrives on ${nic.name} for it is routed ${where} instead${await ruleNames(host, knock.vip)}`,
    hint: `ip rule: the local table must come first; ip route get ${knock.vip} from ${client.address} iif ${nic.name}`,
  }
}

/** Those that every host has are not worth a word: local, main, default. */
const USUAL_PRIORITIES = new Set([0, 32_766, 32_767])

async function ruleNames(host: Host, vip: IpAddress): Promise<string> {
  const rules: Rule[] = await host.network.rules(familyOf(vip)).catch(() => [])
  const unusual = rules.filter(({ priority }) => !USUAL_PRIORITIES.has(priority)).map(({ text }) => text)
  if (rules.length > 0 && !rules.some(({ priority }) => priority === 0))
    unusual.unshift('no rule "0: from all lookup local"')
  return unusual.length === 0 ? '' : `; ip rule has: ${unusual.slice(0, 5).join(' | ')}`
}

/** Which marks a packet gets nobody can ask the kernel. */
async function markRuleNames(host: Host, vip: IpAddress): Promise<string> {
  const rules = await host.network.rules(familyOf(vip)).catch(() => [])
  const marked = rules.filter(({ text }) => text.includes(' fwmark ')).map(({ text }) => text)
  return marked.length === 0 ? '' : `; or a rule for marked packets: ${marked.join(' | ')}`
}

async function firewallNames(host: Host): Promise<string> {
  const filters = await host.netfilter.packetFilters().catch(() => [])
  return filters.length === 0 ? '' : ` (${filters.join(', ')})`
}
