import type { SocketAddress } from '../../config/listen.ts'
import { type AddressFamily, familyOf, type IpAddress, whyNotVip, withPort } from '../../model/address.ts'
import { serviceFamily, serviceText } from '../../model/ipvs.ts'
import { expressForm } from './express-form.ts'
import { expressDaemon, expressTimeouts, type Plain } from './express-parts.ts'
import { expressRealServers } from './express-real-servers.ts'
import {
  type Findings,
  type Imported,
  type ImportedService,
  type ImportWarning,
  type Place,
  warn,
} from './imported.ts'

/** A part of our configuration, with the place that it comes from. */
export interface ExpressedService {
  value: Plain
  at: Place
  title: string | null
  warnings: readonly ImportWarning[]
}

export interface Expressed {
  /** All but its services. */
  director: Plain
  services: ExpressedService[]
  /** All, in the order of the files' lines. */
  warnings: ImportWarning[]
  /** Those that belong to no service that is written. */
  general: ImportWarning[]
}

/** What no file of these kinds tells. */
const DEFAULT_NIC = 'eth0'

/** In the words of our configuration; for whatever those have no equal there is a warning. */
export function express(
  imported: Imported,
  { nic, file, warnings }: { nic: string | null; file: string; warnings: readonly ImportWarning[] },
): Expressed {
  const general: Findings = { problems: [], warnings: [...warnings] }
  const services = withoutOverlaps(imported.services, general).flatMap(service => {
    const own: Findings = { problems: [], warnings: [...service.warnings] }
    const value = expressService(service, imported.bindsVips, own)
    if (value !== null) return [{ value, at: service.at, title: service.title, warnings: own.warnings }]
    general.warnings.push(...own.warnings)
    return []
  })
  const top = { file, line: 1, column: 1 }
  if (nic === null && imported.nic === null)
    warn(
      general,
      top,
      'interface-unknown',
      `nothing tells the NIC of the VIPs: ${DEFAULT_NIC} is written`,
      'name it: --interface NIC',
    )
  if (imported.bindsVips && imported.services.some(({ service }) => service.key.kind === 'address'))
    warn(
      general,
      top,
      'vips-are-bound',
      '`rs-agent director apply` will bind the VIPs, which this file does not',
      'write `bindVips: false` when Pacemaker, VRRP or the like moves them',
    )
  const daemon = expressDaemon(imported, general)
  const director: Plain = {
    interface: nic ?? imported.nic ?? DEFAULT_NIC,
    ...(imported.bindsVips ? {} : { bindVips: false }),
    ...expressTimeouts(imported.timeouts),
    ...(daemon === null ? {} : { syncDaemon: daemon }),
  }
  const all = [...general.warnings, ...services.flatMap(({ warnings }) => warnings)]
  return { director, services, general: inOrder(general.warnings), warnings: inOrder(all) }
}

function inOrder(warnings: readonly ImportWarning[]): ImportWarning[] {
  return warnings.toSorted(({ at: left }, { at: right }) =>
    left.file === right.file ? left.line - right.line || left.column - right.column : 0,
  )
}

/** Our configuration has no port beside every port. */
function withoutOverlaps(services: readonly ImportedService[], findings: Findings): ImportedService[] {
  const byVip = new Map<string, number>()
  const nameOf = ({ service: { key } }: ImportedService): string =>
    key.kind === 'address' ? `${key.address} ${key.protocol}` : ''
  for (const service of services) byVip.set(nameOf(service), (byVip.get(nameOf(service)) ?? 0) + 1)
  return services.filter(service => {
    const { key } = service.service
    const isKept = key.kind !== 'address' || key.port !== 0 || byVip.get(nameOf(service)) === 1
    if (!isKept)
      warn(
        findings,
        service.at,
        'every-port-beside-a-port',
        `${serviceText(key)} is left out: it has every port, and another service has one of them`,
        'write a service for each port that clients reach',
      )
    return isKept
  })
}

/** Null when the service cannot be written; a warning says why. */
function expressService(service: ImportedService, bindsVips: boolean, findings: Findings): Plain | null {
  const { key } = service.service
  const leftOut = (id: string, why: string, hint: string): null => {
    warn(findings, service.at, id, `${serviceText(key)} is left out: ${why}`, hint)
    return null
  }
  if (key.kind === 'address') {
    const why = whyNotVip(key.address)
    if (why !== null)
      return leftOut('no-address-of-a-vip', `its VIP is ${why}`, 'give it an address that clients can reach')
  } else if (bindsVips)
    warn(
      findings,
      service.at,
      'mark-without-vips',
      `nothing tells the VIPs of the ${serviceText(key)}`,
      'write them: `vips: [ADDRESS]`',
    )
  const written = expressRealServers(service, findings)
  const { onFailure } = service
  const fallback = fallbackOf(service, findings)
  const [first = fallback] = written.realServers
  if (key.kind === 'firewallMark' && familyTold(first) !== serviceFamily(key))
    return leftOut(
      'family-of-a-mark',
      `only its VIPs could tell that it is for IPv${key.family}`,
      'add it with `vips: [ADDRESS]`',
    )
  return {
    ...(key.kind === 'address'
      ? { listen: `${withPort(key.address, key.port)}/${key.protocol}` }
      : { firewallMark: key.mark }),
    ...expressForm(service, findings),
    forwarding: written.forwarding,
    ...(written.tunnel === null ? {} : { tunnel: written.tunnel }),
    realServers: written.realServers,
    ...(fallback === null ? {} : { fallback: withPort(fallback.address, fallback.port) }),
    ...(!written.isChecked || onFailure === null ? {} : { onFailure }),
    ...(written.check === null ? {} : { check: written.check }),
  }
}

/** None where it is a real server too. */
function fallbackOf(
  { at, fallback, realServers }: ImportedService,
  findings: Findings,
): SocketAddress | null {
  if (fallback === null) return null
  const isRealServer = realServers.some(
    ({ destination: { address, port } }) => address === fallback.address && port === fallback.port,
  )
  if (!isRealServer) return fallback
  const name = withPort(fallback.address, fallback.port)
  warn(
    findings,
    at,
    'fallback-is-real-server',
    `the fallback ${name} is one of the real servers, which are all out when it serves: it is left out`,
    'name another server as `fallback`, or write `minimumAvailable`, which keeps the last to fail',
  )
  return null
}

/** What our configuration takes a firewall mark for that names no VIPs. */
function familyTold(first: { address: IpAddress } | null): AddressFamily {
  return first === null ? 4 : familyOf(first.address)
}
