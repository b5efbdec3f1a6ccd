import { ARP_SYSCTLS, type ArpSysctl, isQuiet, WANTED, whatLoudDoes } from '../../model/arp.ts'
import type { Link } from '../../model/network.ts'
import { arpNics } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { arpSysctlPath, effectiveOn } from '../arp-sysctl.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import type { CheckResult } from './check.ts'
import { isQuietByScope } from './host-scope.ts'

/** The values in force keep every NIC quiet that a request can arrive on, facing the segment or not. */
export function checkArpSysctl(wanted: WantedRealServer, found: FoundHost): CheckResult[] {
  if (ipv4Vips(wanted).length === 0) return []
  return arpNics(found.links)
    .filter(nic => nic.up)
    .map(nic => judge(nic, wanted, found))
}

function judge({ name }: Link, { vips }: WantedRealServer, found: FoundHost): CheckResult {
  const result = { id: 'arp-sysctl', subject: name } as const
  const values = ARP_SYSCTLS.map(sysctl => ({ sysctl, effective: effectiveOn(name, sysctl, found.sysctls) }))
  const evidence = values.map(({ sysctl, effective }) => describe(name, sysctl, effective, found)).join(', ')
  const unreadable = values.find(({ effective }) => effective === null)
  if (unreadable !== undefined)
    return { ...result, verdict: 'unknown', evidence, hint: `is /proc/sys/net mounted? did ${name} go away?` }
  const loud = values.filter(({ sysctl, effective }) => effective !== null && !isQuiet(sysctl, effective))
  if (loud.length === 0) return { ...result, verdict: 'pass', evidence, hint: rippleOf(values) }
  if (loud.every(({ sysctl, effective }) => isQuietByScope(sysctl, effective ?? 0, vips, found)))
    return {
      ...result,
      verdict: 'pass',
      evidence: `${evidence}: quiet about VIPs of host scope`,
      hint: FRAGILE,
    }
  const what = loud.map(({ sysctl, effective }) => whatLoudDoes(sysctl, effective ?? 0)).join(' and ')
  const commands = loud.map(
    ({ sysctl }) =>
      `sysctl -w ${arpSysctlPath('all', sysctl)}=${WANTED[sysctl]} ${arpSysctlPath(name, sysctl)}=${WANTED[sysctl]}`,
  )
  return {
    ...result,
    verdict: 'fail',
    evidence: `${evidence}: this host ${what}`,
    hint: `rs-agent apply, or: ${commands.join('; ')}`,
  }
}

function describe(nic: string, sysctl: ArpSysctl, effective: number | null, { sysctls }: FoundHost): string {
  const all = sysctls[arpSysctlPath('all', sysctl)]
  const own = sysctls[arpSysctlPath(nic, sysctl)]
  return `${sysctl} ${effective ?? 'unknown'} (all ${all ?? '?'}, ${nic} ${own ?? '?'})`
}

const FRAGILE =
  'arp_ignore 3 is quiet only as long as every VIP has host scope: rs-agent apply sets 1, which is in any case'

/** 8 keeps the VIP quiet and everything else as well. */
function rippleOf(values: { sysctl: ArpSysctl; effective: number | null }[]): string {
  const isDeaf = values.some(({ sysctl, effective }) => sysctl === 'arp_ignore' && effective === 8)
  return isDeaf
    ? 'arp_ignore 8 answers for no address at all, this host’s own included: its neighbours need static entries'
    : ''
}
