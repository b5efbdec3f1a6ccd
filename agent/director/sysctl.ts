import type { SysctlPath } from '../host/sysctl.ts'
import { familyOf, type IpAddress, isInSubnet } from '../model/address.ts'
import { sysctl } from '../model/dialect.ts'
import type { Link } from '../model/network.ts'
import { renderTemplate } from '../model/template.ts'
import { fileClaim } from '../reconcile/file-claim.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedDirector } from './desired.ts'

/** A kernel parameter that a director needs, and why. */
export interface DirectorSysctl {
  path: SysctlPath
  value: string
  /** The resource that wants it, by the id that plan and verify print. */
  resource: 'send-redirects' | 'arp-announce' | 'ipvs-sysctl'
  /** Completes "because ...". */
  reason: string
}

export const SYSCTL_FILE = 'etc/sysctl.d/90-rs-agent-director.conf'

type DirectorForSysctls = Pick<WantedDirector, 'nic' | 'pools' | 'syncDaemon' | 'expiresQuiescentTemplates'>

/** Those that this configuration needs on this host, in the order in which they are set. */
export function directorSysctls(
  wanted: DirectorForSysctls,
  found: Pick<FoundHost, 'addresses' | 'routes'>,
): DirectorSysctl[] {
  return [...forwardingSysctls(wanted, found), ...nicSysctls(wanted.nic), ...ipvsSysctls(wanted)]
}

/** All that those may be, whatever addresses and routes the host has. */
export function possibleSysctls(wanted: DirectorForSysctls, links: readonly Link[]): SysctlPath[] {
  const paths = directorSysctls(wanted, { addresses: [], routes: [] }).map(({ path }) => path)
  if (!paths.includes(forwardingPath(wanted.nic))) return paths
  return [...new Set([...paths, ...links.map(({ name }) => forwardingPath(name))])]
}

/**
 * Direct routing needs none of it. Of IPv4 only the NIC counts by which a packet comes; net/ipv4/ip_forward stays as it
 * is, because the kernel copies each change of it to all NICs, and nobody would know any more what those had. Of IPv6
 * the kernel asks for "all", first because that is copied in the same way.
 */
function forwardingSysctls(
  { nic, pools }: Pick<WantedDirector, 'nic' | 'pools'>,
  found: Pick<FoundHost, 'addresses' | 'routes'>,
): DirectorSysctl[] {
  // Those that are out of rotation too: they come back by the table alone.
  const masqueraded = pools
    .flatMap(({ mayServe }) => mayServe)
    .filter(({ forwarding }) => forwarding.method === 'masquerade')
    .map(({ address }) => address)
    // This host as a real server of its own answers without forwarding anything.
    .filter(address => !found.addresses.some(own => own.address === address))
  const paths = masqueraded.map(address =>
    familyOf(address) === 6
      ? 'net/ipv6/conf/all/forwarding'
      : forwardingPath(linkTowards(address, found) ?? nic),
  )
  return [...new Set(paths)].sort().map(path => ({
    path,
    value: '1',
    resource: 'ipvs-sysctl',
    reason: 'answers of masqueraded real servers pass through this host',
  }))
}

function forwardingPath(nic: string): SysctlPath {
  return `net/ipv4/conf/${nic}/forwarding`
}

/** The link of the subnet that the address is in, or of the narrowest route to it. */
function linkTowards(
  address: IpAddress,
  { addresses, routes }: Pick<FoundHost, 'addresses' | 'routes'>,
): string | undefined {
  const ways = [
    ...addresses.map(own => ({ ...own, network: own.address, metric: 0 })),
    ...routes.map(route => ({ ...route, network: route.destination })),
  ]
  return ways
    .filter(({ network, prefixLength }) => isInSubnet(address, network, prefixLength))
    .sort((left, right) => right.prefixLength - left.prefixLength || left.metric - right.metric)[0]?.link
}

function nicSysctls(nic: string): DirectorSysctl[] {
  return ['all', nic].flatMap((scope): DirectorSysctl[] => [
    {
      path: `net/ipv4/conf/${scope}/send_redirects`,
      value: '0',
      resource: 'send-redirects',
      reason:
        'what is forwarded leaves by the NIC it came in: the kernel would tell clients to go to the real server directly, and it sends redirects where either of the two values says so',
    },
    {
      path: `net/ipv4/conf/${scope}/arp_announce`,
      value: '2',
      resource: 'arp-announce',
      reason:
        'a question for a real server in the name of the VIP is one that no real server answers, because it owns the VIP itself',
    },
  ])
}

function ipvsSysctls({ pools, syncDaemon, expiresQuiescentTemplates }: DirectorForSysctls): DirectorSysctl[] {
  const isPersistent = pools.some(({ service }) => service.persistence !== null)
  const rows: (readonly [name: string, value: '0' | '1', reason: string, isNeeded: boolean])[] = [
    [
      'expire_nodest_conn',
      '1',
      'packets of a connection whose real server was removed are otherwise dropped without a word, until the client gives up',
      true,
    ],
    [
      'expire_quiescent_template',
      expiresQuiescentTemplates ? '1' : '0',
      expiresQuiescentTemplates
        ? 'persistent clients are otherwise sent on to a real server of weight 0'
        : 'persistent clients shall stay with a real server of weight 0, as the configuration says',
      isPersistent,
    ],
    [
      'backup_only',
      '1',
      'two directors that are real servers for each other would otherwise send packets round and round',
      syncDaemon !== null,
    ],
  ]
  return rows
    .filter(([, , , isNeeded]) => isNeeded)
    .map(([name, value, reason]) => ({ path: `net/ipv4/vs/${name}`, value, resource: 'ipvs-sysctl', reason }))
}

export function sysctlClaims(wanted: WantedDirector, found: FoundHost): Claim[] {
  const sysctls = directorSysctls(wanted, found)
  const content = renderTemplate(
    wanted.templates.sysctl,
    { settings: sysctls.map(({ path, value, reason }) => ({ key: path, value, reason })) },
    sysctl,
  )
  return [
    ...sysctls.map(
      ({ path, value, resource }): Claim => ({
        resource,
        phase: 'silence',
        wanted: { kind: 'sysctl', id: { path }, value },
        satisfied: found.sysctls[path] === value,
        onRemove: 'put-back',
      }),
    ),
    fileClaim('boot-files', SYSCTL_FILE, content, found),
  ]
}
