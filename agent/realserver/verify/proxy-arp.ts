import type { Host } from '../../host/host.ts'
import type { SysctlPath } from '../../host/sysctl.ts'
import { type AddressFamily, familyOf, type IpAddress } from '../../model/address.ts'
import type { Link, Neighbour } from '../../model/network.ts'
import { arpNics } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { facingNics } from '../nics.ts'
import { isBound } from '../vip-address.ts'
import type { CheckResult } from './check.ts'

/**
 * This host does not answer for addresses that are not its own. A VIP that is local is not proxied; one that
 * gets lost would be, at once: then this host takes clients that it drops.
 */
export async function checkProxyArp(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
): Promise<CheckResult[]> {
  const proxied = (await host.network.neighbours()).filter(({ proxy }) => proxy)
  const judgeFamily = (family: AddressFamily, judge: typeof judgeIpv4): CheckResult[] => {
    const vips = wanted.vips.filter(vip => familyOf(vip) === family)
    if (vips.length === 0) return []
    const facing = facingNics(wanted, found, family)
    return arpNics(found.links)
      .filter(nic => nic.up && (facing.includes(nic) || hasEntryOfItsOwn(nic, vips, proxied)))
      .map(nic => judge(nic, vips, proxied, found))
  }
  return [...judgeFamily(4, judgeIpv4), ...judgeFamily(6, judgeIpv6)]
}

/**
 * What counts on a NIC that does not face the segment, as far as this host can tell: it may be a cable without an
 * address. That it proxies says nothing: routers of container networks (Calico) do so towards every container.
 */
function hasEntryOfItsOwn(
  { name }: Link,
  vips: readonly IpAddress[],
  proxied: readonly Neighbour[],
): boolean {
  return proxied.some(({ link, address }) => link === name && vips.includes(address))
}

const PROXY_SYSCTLS = ['proxy_arp', 'proxy_arp_pvlan'] as const

/** What the check reads. */
export function proxyArpPaths(links: readonly Link[]): SysctlPath[] {
  const scopes = ['all', ...arpNics(links).map(({ name }) => name)]
  return scopes.flatMap(scope => [
    ...PROXY_SYSCTLS.map(name => `net/ipv4/conf/${scope}/${name}`),
    `net/ipv4/conf/${scope}/forwarding`,
    `net/ipv6/conf/${scope}/proxy_ndp`,
    `net/ipv6/conf/${scope}/forwarding`,
  ])
}

function judgeIpv4(
  { name }: Link,
  vips: readonly IpAddress[],
  proxied: readonly Neighbour[],
  found: FoundHost,
): CheckResult {
  const result = { id: 'proxy-arp', subject: name } as const
  const proxyArp = found.sysctls[`net/ipv4/conf/${name}/proxy_arp`]
  const forwarding = found.sysctls[`net/ipv4/conf/${name}/forwarding`]
  if (proxyArp === undefined || forwarding === undefined)
    return {
      ...result,
      verdict: 'unknown',
      evidence: `proxy_arp of ${name} cannot be read`,
      hint: UNREADABLE,
    }
  const on = whatProxies(name, vips, proxied, found)
  if (on.length === 0)
    return { ...result, verdict: 'pass', evidence: 'proxy_arp 0, no proxy entry', hint: '' }
  const what = on.join(' and ')
  if (forwarding === '0')
    return { ...result, verdict: 'pass', evidence: `${what}, without effect while forwarding is 0`, hint: '' }
  const isLocal = vips.every(vip => isBound(vip, found))
  const effect = isLocal
    ? 'this host answers ARP for a VIP as soon as it is not bound any more'
    : 'this host answers ARP for a VIP that is not bound here'
  return {
    ...result,
    verdict: 'fail',
    evidence: `${what}, with forwarding 1: ${effect}`,
    hint: [...switchesOff(name, found), ...deletions(vips, name, proxied)].join('; '),
  }
}

function switchesOff(nic: string, { sysctls }: FoundHost): string[] {
  const paths = ['all', nic].flatMap(scope => PROXY_SYSCTLS.map(name => `net/ipv4/conf/${scope}/${name}`))
  const on = paths.filter(path => (sysctls[path] ?? '0') !== '0')
  return on.length === 0 ? [] : [`sysctl -w ${on.map(path => `${path}=0`).join(' ')}`]
}

/**
 * What makes the NIC answer for others (net/ipv4/arp.c arp_process()): proxy_arp is the OR of all and the NIC
 * (IN_DEV_PROXY_ARP), proxy_arp_pvlan the NIC's own.
 */
function whatProxies(
  nic: string,
  vips: readonly IpAddress[],
  proxied: readonly Neighbour[],
  { sysctls }: FoundHost,
): string[] {
  const [all, own] = ['all', nic].map(scope => sysctls[`net/ipv4/conf/${scope}/proxy_arp`])
  return [
    ...(own !== '0' || all !== '0' ? [`proxy_arp 1 (all ${all}, ${nic} ${own})`] : []),
    ...(sysctls[`net/ipv4/conf/${nic}/proxy_arp_pvlan`] === '1' ? ['proxy_arp_pvlan 1'] : []),
    ...entriesOf(vips, nic, proxied).map(vip => `a proxy entry for ${vip}`),
  ]
}

function judgeIpv6(
  { name }: Link,
  vips: readonly IpAddress[],
  proxied: readonly Neighbour[],
  found: FoundHost,
): CheckResult {
  const result = { id: 'proxy-arp', subject: `${name} (NDP)` } as const
  const read = (scope: string, sysctl: string): string | undefined =>
    found.sysctls[`net/ipv6/conf/${scope}/${sysctl}`]
  const own = read(name, 'proxy_ndp')
  if (own === undefined)
    return {
      ...result,
      verdict: 'unknown',
      evidence: `proxy_ndp of ${name} cannot be read`,
      hint: UNREADABLE,
    }
  const entries = entriesOf(vips, name, proxied)
  if (entries.length === 0)
    return { ...result, verdict: 'pass', evidence: `no proxy entry for a VIP on ${name}`, hint: '' }
  const what = `a proxy entry for ${entries.join(', ')}`
  const proxies = own !== '0' || read('all', 'proxy_ndp') !== '0'
  const forwards = read(name, 'forwarding') !== '0'
  if (!proxies || !forwards)
    return {
      ...result,
      verdict: 'pass',
      evidence: `${what}, without effect while ${proxies ? 'forwarding' : 'proxy_ndp'} is 0`,
      hint: '',
    }
  return {
    ...result,
    verdict: 'fail',
    evidence: `${what}, with proxy_ndp 1 and forwarding 1: this host answers neighbour solicitations for it`,
    hint: deletions(vips, name, proxied).join('; '),
  }
}

const UNREADABLE = 'is /proc/sys/net mounted? did the NIC go away?'

function entriesOf(vips: readonly IpAddress[], nic: string, proxied: readonly Neighbour[]): IpAddress[] {
  return proxied
    .filter(({ link, address }) => (link === nic || link === null) && vips.includes(address))
    .map(({ address }) => address)
}

function deletions(vips: readonly IpAddress[], nic: string, proxied: readonly Neighbour[]): string[] {
  return entriesOf(vips, nic, proxied).map(vip => `ip neigh del proxy ${vip} dev ${nic}`)
}
