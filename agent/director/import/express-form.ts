import { maskLength } from '../../config/service-problems.ts'
import type { IpAddress } from '../../model/address.ts'
import type { VirtualService } from '../../model/ipvs.ts'
import { type Plain, seconds } from './express-parts.ts'
import { type Findings, type ImportedService, warn } from './imported.ts'

/** How a service schedules and persists, in the words of our configuration. */
export function expressForm({ service, at }: ImportedService, findings: Findings): Plain {
  const flags = flagsOf(service)
  const without = service.schedulerFlags.filter(flag => !/-(?:fallback|port)$/.test(flag))
  if (without.length > 0)
    warn(
      findings,
      at,
      'scheduler-flag',
      `${service.scheduler} has no flag ${without.join(', ')} that means anything`,
      'nothing is to be done: the kernel does nothing with it',
    )
  return {
    scheduler: service.scheduler,
    ...(flags.length === 0 ? {} : { schedulerFlags: flags }),
    ...(service.onePacket ? { onePacket: true } : {}),
    ...persistenceOf(service, at, findings),
  }
}

function flagsOf({ schedulerFlags }: VirtualService): string[] {
  return schedulerFlags.flatMap(flag => /^(?:sh|mh)-(fallback|port)$/.exec(flag)?.[1] ?? [])
}

function persistenceOf(
  { key, persistence, persistenceEngine }: VirtualService,
  at: ImportedService['at'],
  findings: Findings,
): Plain {
  if (persistence === null) return {}
  const { timeoutSeconds, netmask } = persistence
  const isForUdp = key.kind === 'firewallMark' || key.protocol === 'udp'
  const isSip = persistenceEngine === 'sip' && isForUdp
  if (persistenceEngine !== null && !isSip)
    warn(
      findings,
      at,
      'persistence-engine',
      `the persistence engine ${persistenceEngine} is left out: there is sip, for UDP`,
      'see which clients must stay together',
    )
  return {
    persistence: {
      timeout: seconds(timeoutSeconds),
      ...netmaskOf(netmask, at, findings),
      ...(isSip ? { engine: 'sip' } : {}),
    },
  }
}

/** One client alone is the default. */
function netmaskOf(netmask: IpAddress | number, at: ImportedService['at'], findings: Findings): Plain {
  if (netmask === 128 || netmask === '255.255.255.255') return {}
  if (typeof netmask === 'number' || maskLength(netmask) !== null) return { netmask }
  warn(
    findings,
    at,
    'persistence-netmask',
    `the netmask ${netmask} is left out: it has holes, or is no part of an address`,
    'each client counts alone; write a netmask such as 255.255.255.0',
  )
  return {}
}
