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
import { chooseClients, departureOf, type TestClient } from './clients.ts'

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

/** What the check reads. */
export function rpFilterPaths(links: readonly Link[]): SysctlPath[] {
  return ['all', ...arpNics(links).map(({ name }) => name)].map(rpFilterPath)
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
    for (const client of await chooseClients(host, wanted, found, vip, nic)) {
      const refusal = await whyDropped(host, found, nic, vip, client)
      if (refusal !== null) return { ...result, ...refusal, evidence: `${value} ${refusal.evidence}` }
      accepted = client.name
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

/** Null when what the client sends to the VIP is let in. */
async function whyDropped(
  host: Host,
  found: FoundHost,
  nic: Link,
  vip: IpAddress,
  { address: source, name }: TestClient,
): Promise<Pick<CheckResult, 'verdict' | 'evidence' | 'hint'> | null> {
  const ask = (destination: IpAddress): Promise<RouteAnswer> =>
    host.network.lookUpRoute({ destination, source, arrivingOn: nic.index })
  // The way back is looked up as from the VIP, whose packets may have routes of their own.
  const forVip = await ask(vip)
  if (forVip.kind === 'route') return null
  const back = await departureOf(host, found, { nic, vip, client: source })
  const isFiltered = isReversePathRefusal(forVip, nic, back, found)
  const own = found.addresses.find(({ link, address }) => link === nic.name && familyOf(address) === 4)
  // A VIP that is not delivered here is another check's finding.
  const answer = isFiltered || own === undefined ? forVip : await ask(own.address)
  if (answer.kind === 'route') return null
  if (!isReversePathRefusal(answer, nic, back, found))
    return {
      verdict: 'unknown',
      evidence: `could not be judged: the kernel refuses to say how it takes a packet of ${name} (${answer.message})`,
      hint: `ip route get ${vip} from ${source} iif ${nic.name}`,
    }
  // The question to the kernel knows no ports and marks: where rules do, a real packet may have another way back.
  const finer = (await host.network.rules(4)).find(({ text }) => text.endsWith('…'))
  if (finer !== undefined)
    return {
      verdict: 'unknown',
      evidence: `may drop what ${name} sends to ${vip} on ${nic.name}: a rule looks at ports or marks, which could not be asked about (${finer.text})`,
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
    evidence: `drops what ${name} sends to ${vip} on ${nic.name}: the way back ${way}`,
    hint: `mend the route, or loosen the filter: sysctl -w ${cure}`,
  }
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
