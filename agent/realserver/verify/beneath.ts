import type { Host } from '../../host/host.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'

/**
 * What real frames meet before they come to where ours are injected: it may answer for itself, or drop what we
 * find let in. With such a thing on the NIC, or on a port beneath it, an injected frame proves nothing good.
 */

/** A program by name, or null. Injected frames have passed the place of a native XDP program already. */
export function nativeXdpOn(nic: Link, found: FoundHost): string | null {
  const runs = [nic, ...portsOf(nic, found)].find(({ xdp }) => xdp !== undefined && xdp !== 'generic')
  return runs === undefined
    ? null
    : `${runs.name} runs a native XDP program, which real frames meet first and injected ones do not`
}

/** That, or filters on the ports of a bridge or bond; null when there is nothing of the kind. */
export async function whatIsPassedBy(host: Host, nic: Link, found: FoundHost): Promise<string | null> {
  const xdp = nativeXdpOn(nic, found)
  const ports = portsOf(nic, found)
  if (xdp !== null || ports.length === 0) return xdp
  const packetFilters = await host.netfilter.packetFilters().catch(() => null)
  if (packetFilters === null)
    return `the filters at the ports of ${nic.name}, which real frames meet first, cannot be listed`
  const onPort = (filter: string): boolean => ports.some(({ name }) => filter.includes(` on ${name}`))
  const chains = packetFilters.filter(
    filter => filter.startsWith('nft bridge ') || (filter.startsWith('nft netdev ') && onPort(filter)),
  )
  const tc = await Promise.all(
    ports.map(async ({ index, name }) =>
      (await host.network.tcFilters(index))
        .filter(filter => filter.startsWith('ingress'))
        .map(filter => `tc ${filter} on ${name}`),
    ),
  )
  const filters = [...chains, ...tc.flat()]
  return filters.length === 0
    ? null
    : `real frames meet filters at the ports of ${nic.name} first, and injected ones do not: ${filters.join(', ')}`
}

function portsOf({ index }: Link, { links }: FoundHost): Link[] {
  return links.filter(({ master }) => master === index)
}
