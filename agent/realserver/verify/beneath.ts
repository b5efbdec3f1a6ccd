import type { Host } from '../../host/host.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'

/**
 * What real frames meet before they come to where ours are injected: it may answer for itself, or drop what we
 * find let in. With such a thing on the NIC, or on a link beneath it, an injected frame proves nothing good.
 */

/** A program by name, or null. Injected frames have passed the place of a native XDP program already. */
export function nativeXdpOn(nic: Link, found: FoundHost): string | null {
  const runs = [nic, ...linksBeneath(nic, found)].find(({ xdp }) => xdp !== undefined && xdp !== 'generic')
  return runs === undefined
    ? null
    : `${runs.name} runs a native XDP program, which real frames meet first and injected ones do not`
}

/** That, or filters on the links beneath the NIC; null when there is nothing of the kind. */
export async function whatIsPassedBy(host: Host, nic: Link, found: FoundHost): Promise<string | null> {
  const xdp = nativeXdpOn(nic, found)
  const beneath = linksBeneath(nic, found)
  if (xdp !== null || beneath.length === 0) return xdp
  const packetFilters = await host.netfilter.packetFilters().catch(() => null)
  if (packetFilters === null)
    return `the filters at the links beneath ${nic.name}, which real frames meet first, cannot be listed`
  const isBeneath = (filter: string): boolean =>
    devicesOf(filter).some(device => beneath.some(({ name }) => name === device))
  const chains = packetFilters.filter(filter => filter.startsWith('nft bridge ') || isBeneath(filter))
  const tc = await Promise.all(
    beneath.map(async ({ index, name }) =>
      (await host.network.tcFilters(index)).map(filter => `tc ${filter} on ${name}`),
    ),
  )
  const filters = [...chains, ...tc.flat()]
  return filters.length === 0
    ? null
    : `real frames meet filters beneath ${nic.name} first, and injected ones do not: ${filters.join(', ')}`
}

/** Of a chain at the ingress or egress of devices: `nft netdev guard/doorman (hook ingress on eth0, eth1, policy accept)`. */
function devicesOf(filter: string): string[] {
  return /\(hook \S+ on (.+), policy \w+\)$/.exec(filter)?.[1]?.split(', ') ?? []
}

/** The ports of a bridge or bond, and what a VLAN or macvlan was made on; and so on down to the cables. */
function linksBeneath({ index, lower }: Link, found: FoundHost): Link[] {
  const next = found.links.filter(link => link.master === index || link.index === lower)
  return next.flatMap(link => [link, ...linksBeneath(link, found)])
}
