import type { SysctlPath } from '../host/sysctl.ts'
import { ARP_SYSCTLS, type ArpSysctl, effectiveValue, isQuiet, WANTED, whatLoudDoes } from '../model/arp.ts'
import { sysctl as sysctlDialect } from '../model/dialect.ts'
import type { Link } from '../model/network.ts'
import { arpNics } from '../model/network.ts'
import { renderTemplate } from '../model/template.ts'
import { fileClaim } from '../reconcile/file-claim.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { Claim, Prior } from '../reconcile/step.ts'
import { ipv4Vips, type WantedRealServer } from './desired.ts'
import { facingNics } from './nics.ts'

/**
 * The parameters that keep the VIP off the wire, on `all` and on every NIC that faces the segment: `all`
 * alone would do today, the NIC's own keep the host quiet when somebody resets `all`.
 */
export const SYSCTL_FILE = 'etc/sysctl.d/90-rs-agent.conf'

export function arpSysctlPath(scope: string, sysctl: ArpSysctl): SysctlPath {
  return `net/ipv4/conf/${scope}/${sysctl}`
}

/** Every parameter that decides whether a NIC of this host answers or announces. */
export function arpSysctlPaths(links: readonly Link[]): SysctlPath[] {
  const scopes = ['all', 'default', ...arpNics(links).map(link => link.name)]
  return scopes.flatMap(scope => ARP_SYSCTLS.map(sysctl => arpSysctlPath(scope, sysctl)))
}

/** The value in force on a NIC, or null when the kernel does not tell. */
export function effectiveOn(nic: string, sysctl: ArpSysctl, sysctls: FoundHost['sysctls']): number | null {
  const all = sysctls[arpSysctlPath('all', sysctl)]
  const own = sysctls[arpSysctlPath(nic, sysctl)]
  return all === undefined || own === undefined ? null : effectiveValue(Number(all), Number(own))
}

/** The first NIC that would answer or announce a VIP on lo, in words; null when all are quiet. */
export function findAudible(links: readonly Link[], sysctls: FoundHost['sysctls']): string | null {
  for (const { name } of arpNics(links))
    for (const sysctl of ARP_SYSCTLS) {
      const effective = effectiveOn(name, sysctl, sysctls)
      if (effective === null) return `${sysctl} of ${name} cannot be read`
      if (!isQuiet(sysctl, effective))
        return `${name} ${whatLoudDoes(sysctl, effective)} (${sysctl} ${effective})`
    }
  return null
}

export function arpSysctlClaims(
  wanted: WantedRealServer,
  found: FoundHost,
  priors: readonly Prior[],
): Claim[] {
  if (ipv4Vips(wanted).length === 0) return []
  const settings = parametersToSet(wanted, found, priors)
  return [
    ...settings.map(({ path, value, satisfied }): Claim => {
      const setting = { kind: 'sysctl', id: { path }, value } as const
      return { resource: 'arp-sysctl', phase: 'silence', wanted: setting, satisfied, onRemove: 'put-back' }
    }),
    fileClaim('arp-sysctl-persisted', SYSCTL_FILE, renderSysctlFile(wanted, settings), found),
  ]
}

interface Parameter {
  path: SysctlPath
  value: string
  satisfied: boolean
}

function parametersToSet(wanted: WantedRealServer, found: FoundHost, priors: readonly Prior[]): Parameter[] {
  const touched = new Set(priors.map(prior => (prior.kind === 'sysctl' ? prior.id.path : '')))
  const facing = facingNics(wanted, found).map(link => link.name)
  // `default` is what a NIC that appears later starts with.
  const others = ['default', ...arpNics(found.links).map(link => link.name)].filter(
    name => !facing.includes(name),
  )
  const ours = ['all', ...facing].flatMap(scope => ARP_SYSCTLS.map(sysctl => parameter(scope, sysctl, found)))
  // A NIC that faces another segment is left alone, unless its own value makes it loud in spite of `all`.
  const loud = others.flatMap(name =>
    ARP_SYSCTLS.filter(sysctl => {
      const own = Number(found.sysctls[arpSysctlPath(name, sysctl)] ?? 0)
      return touched.has(arpSysctlPath(name, sysctl)) || !isQuiet(sysctl, effectiveValue(WANTED[sysctl], own))
    }).map(sysctl => parameter(name, sysctl, found)),
  )
  return [...ours, ...loud]
}

/** A value that is at least as quiet as ours is respected. */
function parameter(scope: string, sysctl: ArpSysctl, found: FoundHost): Parameter {
  const path = arpSysctlPath(scope, sysctl)
  const own = found.sysctls[path]
  const satisfied = own !== undefined && isQuiet(sysctl, Number(own))
  return { path, value: satisfied ? own : String(WANTED[sysctl]), satisfied }
}

/** Keys are written with slashes: sysctl.d(5)'s notation in which an interface name may hold a dot. */
function renderSysctlFile(wanted: WantedRealServer, settings: readonly Parameter[]): string {
  return renderTemplate(
    wanted.templates.sysctl,
    { settings: settings.map(({ path, value }) => ({ key: path, value })) },
    sysctlDialect,
  )
}
