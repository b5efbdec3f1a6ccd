import type { SysctlPath } from '../host/sysctl.ts'
import { serviceFamily } from '../model/ipvs.ts'
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

/** Those that this configuration needs, in the order in which they are set. */
export function directorSysctls(
  wanted: Pick<WantedDirector, 'nic' | 'pools' | 'syncDaemon'>,
): DirectorSysctl[] {
  return [...forwardingSysctls(wanted), ...nicSysctls(wanted.nic), ...ipvsSysctls(wanted)]
}

/** First: to switch forwarding resets parameters of the NICs. Direct routing needs none of it. */
function forwardingSysctls({ pools }: Pick<WantedDirector, 'pools'>): DirectorSysctl[] {
  const families = pools
    .filter(({ destinations }) => destinations.some(({ forwarding }) => forwarding.method === 'masquerade'))
    .map(({ service }) => serviceFamily(service.key))
  const reason = 'answers of masqueraded real servers pass through this host'
  const sysctl = (path: string): DirectorSysctl => ({ path, value: '1', resource: 'ipvs-sysctl', reason })
  return [
    ...(families.includes(4) ? [sysctl('net/ipv4/ip_forward')] : []),
    ...(families.includes(6) ? [sysctl('net/ipv6/conf/all/forwarding')] : []),
  ]
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

function ipvsSysctls({ pools, syncDaemon }: Pick<WantedDirector, 'pools' | 'syncDaemon'>): DirectorSysctl[] {
  const isPersistent = pools.some(({ service }) => service.persistence !== null)
  const rows: (readonly [name: string, reason: string, isNeeded: boolean])[] = [
    [
      'expire_nodest_conn',
      'packets of a connection whose real server was removed are otherwise dropped without a word, until the client gives up',
      true,
    ],
    [
      'expire_quiescent_template',
      'persistent clients are otherwise sent on to a real server of weight 0',
      isPersistent,
    ],
    [
      'backup_only',
      'two directors that are real servers for each other would otherwise send packets round and round',
      syncDaemon !== null,
    ],
  ]
  return rows
    .filter(([, , isNeeded]) => isNeeded)
    .map(([name, reason]) => ({ path: `net/ipv4/vs/${name}`, value: '1', resource: 'ipvs-sysctl', reason }))
}

export function sysctlClaims(wanted: WantedDirector, found: FoundHost): Claim[] {
  const sysctls = directorSysctls(wanted)
  const content = renderTemplate(wanted.templates.sysctl, {
    settings: sysctls.map(({ path, value, reason }) => ({ key: path, value, reason })),
  })
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
