import type { Host } from '../../host/host.ts'
import type { SysctlPath } from '../../host/sysctl.ts'
import { familyOf, type IpAddress } from '../../model/address.ts'
import { effectiveValue } from '../../model/arp.ts'
import type { Link, RouteAnswer } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import { arpNics, pathNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { chooseClients, type TestClient } from './clients.ts'

/** Reverse path filtering lets in what clients send to the VIPs. IPv6 has no such parameter. */
export async function checkRpFilter(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const byNic = new Map<Link, IpAddress[]>()
  for (const vip of ipv4Vips(wanted))
    for (const nic of pathNics(wanted, found, vip)) byNic.set(nic, [...(byNic.get(nic) ?? []), vip])
  return Promise.all([...byNic].map(([nic, vips]) => checkNic(host, wanted, found, nic, vips)))
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
    evidence: `${value}, and no address is known that stands for a client`,
    hint: 'tell where clients come from: clients: [NETWORK], or directors: [ADDRESS]',
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
  const arrivingOn = nic.index
  const ask = (destination: IpAddress): Promise<RouteAnswer> =>
    host.network.lookUpRoute({ destination, source, arrivingOn })
  // The way back is looked up as from the VIP, whose packets may have routes of their own.
  const forVip = await ask(vip)
  if (forVip.kind === 'route') return null
  const ownAddress = found.addresses.find(
    ({ link, address }) => link === nic.name && familyOf(address) === 4,
  )?.address
  // A VIP that is not delivered here is another check's finding.
  const answer = forVip.code === 'EXDEV' || ownAddress === undefined ? forVip : await ask(ownAddress)
  if (answer.kind === 'route') return null
  if (answer.code !== 'EXDEV')
    return {
      verdict: 'unknown',
      evidence: `could not be judged: the kernel refuses to say how it takes a packet of ${name} (${answer.message})`,
      hint: `ip route get ${vip} from ${source} iif ${nic.name}`,
    }
  const back = await host.network.lookUpRoute({ destination: source, source: vip })
  const way = back.kind === 'route' ? `leads by ${back.link ?? 'nowhere'}` : `is refused (${back.message})`
  return {
    verdict: 'fail',
    evidence: `drops what ${name} sends to ${vip} on ${nic.name}: the way back ${way}`,
    hint: `mend the route, or loosen the filter: sysctl -w ${['all', nic.name].map(scope => `${rpFilterPath(scope)}=${back.kind === 'route' ? 2 : 0}`).join(' ')}`,
  }
}
