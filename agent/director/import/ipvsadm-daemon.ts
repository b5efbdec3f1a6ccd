import { parseIpAddress } from '../../model/address.ts'
import type { SyncDaemon, SyncRole } from '../../model/ipvs.ts'
import { isMulticast } from '../../model/ipvs-limits.ts'
import { type Findings, refuse } from './imported.ts'
import type { Option } from './ipvsadm-options.ts'
import { parseNumber } from './numbers.ts'

/** What ipvsadm takes when it is told no interface (DEF_MCAST_IFN). */
const DEFAULT_INTERFACE = 'eth0'

/** Of `--start-daemon`; null when an option is wrong, which is then a finding. */
export function daemonOf(role: SyncRole, options: readonly Option[], findings: Findings): SyncDaemon | null {
  const before = findings.problems.length
  const daemon: SyncDaemon = { role, interface: DEFAULT_INTERFACE, syncId: 0 }
  for (const option of options) {
    const text = option.value?.text ?? ''
    switch (option.name) {
      case 'mcast-interface':
        daemon.interface = text
        break
      case 'syncid':
        daemon.syncId = number(option, 0, 255)
        break
      case 'mcast-port':
        daemon.port = number(option, 1, 65_535)
        break
      case 'mcast-ttl':
        daemon.ttl = number(option, 1, 255)
        break
      case 'sync-maxlen':
        daemon.maxLength = number(option, 1, 65_507)
        break
      case 'mcast-group': {
        const group = parseIpAddress(text)
        if (group !== null && isMulticast(group)) daemon.group = group
        else refuse(findings, option.at, `${JSON.stringify(text)} is no multicast address`)
      }
    }
  }
  return findings.problems.length === before ? daemon : null

  function number({ name, at, value }: Option, min: number, max: number): number {
    const parsed = parseNumber(value?.text ?? '', min, max)
    if (parsed === null) refuse(findings, at, `--${name} needs a number from ${min} to ${max}`)
    return parsed ?? min
  }
}
