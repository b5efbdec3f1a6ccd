import type { Host } from '../../host/host.ts'
import type { SysctlPath } from '../../host/sysctl.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import { effectiveValue } from '../../model/arp.ts'
import type { Link, RouteAnswer } from '../../model/network.ts'
import { arpNics } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import { pathNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { arrivalOf, type Connection, chooseClients, departureOf } from './clients.ts'

/** Reverse path filtering lets in what clients send to the VIPs. IPv6 has no such parameter. */
export async function checkRpFilter(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const byNic = new Map<Link, IpAddress[]>()
  for (const vip of ipv4Vips(wanted))
    for (const nic of pathNics(wanted, found, vip)) byNic.set(nic, [...(byNic.get(nic) ?? []), vip])
  const results = await Promise.all([...byNic].map(([nic, vips]) => checkNic(host, wanted, found, nic, vips)))
  // Of several NICs that were guessed, the director's frames arrive on one.
  const isGuess = wanted.interfaces === 'auto' && results.some(({ verdict }) => verdict === 'pass')
  return results.map(result =>
    isGuess && result.verdict === 'fail'
      ? {
          ...result,
          verdict: 'unknown',
          hint: `if the director reaches this host by another NIC, name it: interfaces: [NIC]; else ${result.hint}`,
        }
      : result,
  )
}

export function rpFilterPath(scope: string): SysctlPath {
  return `net/ipv4/conf/${scope}/rp_filter`
}

/** Whether the mark of a packet counts on its way back; the OR of all and the NIC (IN_DEV_SRC_VMARK). */
function markPath(scope: string): SysctlPath {
  return `net/ipv4/conf/${scope}/src_valid_mark`
}

/** What the check reads. */
export function rpFilterPaths(links: readonly Link[]): SysctlPath[] {
  const scopes = ['all', ...arpNics(links).map(({ name }) => name)]
  return [...scopes.map(rpFilterPath), ...scopes.map(markPath)]
}

async function checkNic(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  nic: Link,
  vips: readonly IpAddress[],
): Promise<CheckResult> {
  const result = { id: 'rp-filter', subject: nic.name } as const
  const all = found.sysctls[rpFilterPath('all')]
  const own = found.sysctls[rpFilterPath(nic.name)]
  if (all === undefined || own === undefined)
    return {
      ...result,
      verdict: 'unknown',
      evidence: `rp_filter of ${nic.name} cannot be read`,
      hint: `is /proc/sys/net mounted? did ${nic.name} go away?`,
    }
  const effective = effectiveValue(Number(all), Number(own))
  const value = `rp_filter ${effective} (all ${all}, ${nic.name} ${own})`
  if (effective === 0) return { ...result, verdict: 'pass', evidence: value, hint: '' }
  let accepted: string | null = null
  for (const vip of vips)
    for (const { address: client, name } of await chooseClients(host, wanted, found, vip, nic))
      for (const port of tcpPortsOf(vip, wanted)) {
        const refusal = await whyDropped(host, found, { nic, client, clientPort: CLIENT_PORT, vip, port })
        if (refusal !== null) return { ...result, ...refusal, evidence: `${value} ${refusal.evidence}` }
        accepted = name
      }
  if (accepted !== null)
    return { ...result, verdict: 'pass', evidence: `${value} lets ${accepted} in`, hint: '' }
  return {
    ...result,
    verdict: 'unknown',
    evidence: `${value}, and without a default route nobody knows where clients are`,
    hint: 'tell where clients come from: clients: [NETWORK]',
  }
}

/** Any of IANA's dynamic ports (RFC 6335). */
const CLIENT_PORT = 49_152

/** A rule may look at them; undefined alone where there is none. */
function tcpPortsOf(vip: IpAddress, { services }: WantedRealServer): (number | undefined)[] {
  const ports = services.find(service => service.vip === vip)?.ports ?? []
  const tcp = ports.filter(port => port.endsWith('/tcp')).map(port => Number.parseInt(port, 10))
  return tcp.length === 0 ? [undefined] : tcp
}

/** Null when what the client sends to the VIP is let in. */
async function whyDropped(
  host: Host,
  found: FoundHost,
  connection: Connection,
): Promise<Pick<CheckResult, 'verdict' | 'evidence' | 'hint'> | null> {
  const { nic, client, vip } = connection
  // The way back is looked up as from the VIP, whose packets may have routes of their own.
  const forVip = await arrivalOf(host, connection)
  if (forVip.kind === 'route') return null
  const back = await departureOf(host, found, connection)
  const isFiltered = isReversePathRefusal(forVip, nic, back, found)
  const own = found.addresses.find(({ link, address }) => link === nic.name && familyOf(address) === 4)
  // A VIP that is not delivered here is another check's finding.
  const answer =
    isFiltered || own === undefined ? forVip : await arrivalOf(host, { ...connection, vip: own.address })
  if (answer.kind === 'route') return null
  if (!isReversePathRefusal(answer, nic, back, found))
    return {
      verdict: 'unknown',
      evidence: `could not be judged: the kernel refuses to say how it takes a packet of a client at ${client} (${answer.message})`,
      hint: `ip route get ${vip} from ${client} iif ${nic.name}`,
    }
  const finer = await finerRule(host, nic, found)
  if (finer !== null)
    return {
      verdict: 'unknown',
      evidence: `may drop what a client at ${client} sends to ${vip} on ${nic.name}: a rule looks at what could not be asked about (${finer})`,
      hint: 'what datapath says of the VIP is the proof: rs-agent verify --only datapath',
    }
  const way = back.kind === 'route' ? `leads by ${back.link ?? 'nowhere'}` : `is refused (${back.message})`
  // The larger of the two values counts: 2 on the NIC loosens 1, and only 0 on both switches it off.
  const cure =
    back.kind === 'route'
      ? `${rpFilterPath(nic.name)}=2`
      : ['all', nic.name].map(scope => `${rpFilterPath(scope)}=0`).join(' ')
  return {
    verdict: 'fail',
    evidence: `drops what a client at ${client} sends to ${vip} on ${nic.name}: the way back ${way}`,
    hint: `mend the route, or loosen the filter: sysctl -w ${cure}`,
  }
}

/** A rule for marks, or one of a kind that is not known here: by it a real packet may have another way back. */
async function finerRule(host: Host, { name }: Link, { sysctls }: FoundHost): Promise<string | null> {
  const marksCount = ['all', name].some(scope => (sysctls[markPath(scope)] ?? '0') !== '0')
  const isFiner = (text: string): boolean => text.includes('…') || (marksCount && text.includes(' fwmark '))
  return (await host.network.rules(4)).find(({ text }) => isFiner(text))?.text ?? null
}

/**
 * Whether a packet is refused because of the way back. Kernels before 6.13 or so say EXDEV; later ones say EINVAL,
 * as they do for a source that no packet may have: then the way back itself must tell.
 */
export function isReversePathRefusal(
  answer: RouteAnswer,
  { name }: Link,
  back: RouteAnswer,
  { sysctls }: FoundHost,
): boolean {
  if (answer.kind !== 'refused') return false
  if (answer.code === 'EXDEV') return true
  const values = ['all', name].map(scope => Number(sysctls[rpFilterPath(scope)] ?? 0))
  const leadsElsewhere = back.kind === 'refused' || back.link !== name
  return answer.code === 'EINVAL' && Math.max(...values) > 0 && leadsElsewhere
}
