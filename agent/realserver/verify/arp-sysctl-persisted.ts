import type { Host } from '../../host/host.ts'
import { ARP_SYSCTLS, type ArpSysctl, effectiveValue, isQuiet, whatLoudDoes } from '../../model/arp.ts'
import { arpNics } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { arpSysctlPath, SYSCTL_FILE } from '../arp-sysctl.ts'
import { ipv4Vips, type WantedRealServer } from '../desired.ts'
import {
  type Assignment,
  bootAssignments,
  SYSCTL_CONF,
  SYSCTL_FOLDERS,
  type SysctlFile,
} from './boot-sysctl.ts'
import type { CheckResult } from './check.ts'
import { isQuietByScope } from './host-scope.ts'

/** Every sysctl.d file of the host, hidden ones included. */
export function readSysctlFiles({ files }: Pick<Host, 'files'>): SysctlFile[] {
  const paths = SYSCTL_FOLDERS.flatMap(folder =>
    files
      .list(folder)
      .filter(name => name.endsWith('.conf'))
      .map(name => `${folder}/${name}`),
  )
  return [...paths, SYSCTL_CONF].flatMap(path => {
    const content = files.readText(path)
    return content === null ? [] : [{ path, content }]
  })
}

/** What the next boot will make of each NIC, whatever is in force now. */
export function checkArpSysctlPersisted(
  wanted: WantedRealServer,
  found: FoundHost,
  files: readonly SysctlFile[],
): CheckResult[] {
  if (ipv4Vips(wanted).length === 0) return []
  const atBoot = bootAssignments(files)
  return arpNics(found.links)
    .filter(nic => nic.up)
    .map(nic => judge(nic.name, wanted, found, atBoot))
}

function judge(
  nic: string,
  { vips }: WantedRealServer,
  found: FoundHost,
  atBoot: (path: string) => Assignment | null,
): CheckResult {
  const result = { id: 'arp-sysctl-persisted', subject: nic } as const
  const values = ARP_SYSCTLS.map(sysctl => bootValue(nic, sysctl, atBoot))
  const evidence = `after the next boot: ${values.map(value => value.evidence).join(', ')}`
  const loud = values.filter(({ sysctl, effective }) => !isQuiet(sysctl, effective))
  if (loud.length === 0) return { ...result, verdict: 'pass', evidence, hint: '' }
  // Whoever binds them with that scope now does so at the next boot; apply, which does not, silences the host first.
  if (loud.every(({ sysctl, effective }) => isQuietByScope(sysctl, effective, vips, found)))
    return { ...result, verdict: 'pass', evidence: `${evidence}: quiet about VIPs of host scope`, hint: '' }
  const what = loud.map(({ sysctl, effective }) => whatLoudDoes(sysctl, effective)).join(' and ')
  return { ...result, verdict: 'fail', evidence: `${evidence}: this host then ${what}`, hint: hintFor(loud) }
}

interface BootValue {
  sysctl: ArpSysctl
  effective: number
  evidence: string
  /** The files' lines that decide. */
  where: string[]
}

function bootValue(nic: string, sysctl: ArpSysctl, atBoot: (path: string) => Assignment | null): BootValue {
  const all = atBoot(arpSysctlPath('all', sysctl))
  // A NIC starts with the value of `default`, and that with 0.
  const own = atBoot(arpSysctlPath(nic, sysctl)) ?? atBoot(arpSysctlPath('default', sysctl))
  const effective = effectiveValue(Number(all?.value ?? 0), Number(own?.value ?? 0))
  const where = [all, own].flatMap(assignment => (assignment === null ? [] : [assignment.where]))
  const source = where.length === 0 ? 'no file sets it' : `by ${where.join(' and ')}`
  return { sysctl, effective, where, evidence: `${sysctl} ${effective} (${source})` }
}

function hintFor(loud: BootValue[]): string {
  const others = [...new Set(loud.flatMap(value => value.where))].filter(
    where => !where.startsWith(`${SYSCTL_FILE}:`),
  )
  if (others.length === 0) return `rs-agent apply writes ${SYSCTL_FILE}`
  return `${others.join(', ')} overrides it: take the line out, then run rs-agent apply`
}
