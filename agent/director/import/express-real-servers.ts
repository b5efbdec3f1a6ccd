import { familyOf, type IpAddress, whyNotRealServer } from '../../model/address.ts'
import { type Destination, serviceFamily, type Tunnel } from '../../model/ipvs.ts'
import { expressChecks, mostCommon } from './express-checks.ts'
import type { Plain } from './express-parts.ts'
import { type Findings, type ImportedRealServer, type ImportedService, warn } from './imported.ts'

/** Real servers in the words of our configuration, and how most of them are reached. */
export interface ExpressedRealServers {
  forwarding: Destination['forwarding']['method']
  /** Null: IP in IP, which is the default, or no tunnel at all. */
  tunnel: Plain | null
  realServers: (Plain & { address: IpAddress })[]
  /** Of all that have none of their own. */
  check: Plain | Plain[] | null
  isChecked: boolean
}

export function expressRealServers(service: ImportedService, findings: Findings): ExpressedRealServers {
  const forwarding = mostCommon(service.realServers.map(({ destination }) => destination.forwarding.method))
  const tunnel =
    service.realServers.map(({ destination }) => tunnelOf(destination)).find(each => each !== null) ?? null
  const family = serviceFamily(service.service.key)
  const seen = new Set<string>()
  const expressible = service.realServers.filter(server => isExpressible(server, service, tunnel, findings))
  const { ofService, ofRealServers } = expressChecks(service, expressible, findings)
  const kept = expressible.flatMap(server => {
    const check = ofRealServers.get(server)
    const value = {
      ...expressRealServer(server, service, forwarding, findings),
      ...(check === undefined ? {} : { check }),
    }
    const name = `${value.address} ${value.port ?? ''}`
    if (seen.has(name))
      warn(
        findings,
        server.at,
        'real-server-twice',
        `${value.address} is there twice: once is written`,
        'nothing is to be done: its port means nothing without masquerading',
      )
    const isFirst = !seen.has(name)
    seen.add(name)
    return isFirst ? [value] : []
  })
  return {
    forwarding: forwarding ?? 'direct-route',
    tunnel: tunnel === null || tunnel.type === 'ipip' ? null : tunnelValue(tunnel),
    // The first one tells the family of a firewall mark.
    realServers: kept.toSorted((left, right) => rank(left.address) - rank(right.address)),
    check: ofService,
    isChecked: ofService !== null || ofRealServers.size > 0,
  }

  function rank(address: IpAddress): number {
    return familyOf(address) === family ? 0 : 1
  }
}

function tunnelOf({ forwarding }: Destination): Tunnel | null {
  return forwarding.method === 'tunnel' ? forwarding.tunnel : null
}

/** False with a warning when the real server has to be left out. */
function isExpressible(
  { at, destination }: ImportedRealServer,
  { service: { key } }: ImportedService,
  tunnel: Tunnel | null,
  findings: Findings,
): boolean {
  const { address } = destination
  const leftOut = (id: string, why: string, hint: string): boolean => {
    warn(findings, at, id, `real server ${address} is left out: ${why}`, hint)
    return false
  }
  const why = whyNotRealServer(address)
  if (why !== null)
    return leftOut('no-address-of-a-real-server', `it is ${why}`, 'give it the address of a host')
  if (key.kind === 'address' && key.address === address)
    return leftOut(
      'real-server-is-the-vip',
      'that is the VIP itself',
      "name the director's own address instead",
    )
  const own = tunnelOf(destination)
  if (own !== null && JSON.stringify(own) !== JSON.stringify(tunnel))
    return leftOut(
      'tunnel-of-one-real-server',
      'it has a tunnel of its own kind',
      'a service has one kind of tunnel for all',
    )
  return true
}

function expressRealServer(
  { at, destination }: ImportedRealServer,
  { service: { key } }: ImportedService,
  forwarding: string | undefined,
  findings: Findings,
): Plain & { address: IpAddress; port?: number } {
  const { address, weight, upperThreshold, lowerThreshold } = destination
  const { method } = destination.forwarding
  const port = portOf(destination, key.kind === 'address' ? key.port : 0)
  if (destination.port === 0 && port === null && key.kind === 'address' && key.port !== 0)
    warn(
      findings,
      at,
      'port-0',
      `${address} has the port 0, which is that of the service: that is written`,
      'nothing is to be done',
    )
  if (destination.port !== 0 && key.kind === 'firewallMark' && port === null)
    warn(
      findings,
      at,
      'port-of-a-mark',
      `${address} has the port ${destination.port}, which does nothing without masquerading`,
      'nothing is to be done',
    )
  return {
    address,
    ...(port === null ? {} : { port }),
    weight,
    ...(upperThreshold === 0 ? {} : { upperThreshold }),
    ...(lowerThreshold === 0 ? {} : { lowerThreshold }),
    ...(method === forwarding ? {} : { forwarding: method }),
  }
}

/** Null: that of the service. */
function portOf({ port, forwarding }: Destination, servicePort: number): number | null {
  return forwarding.method === 'masquerade' && port !== 0 && port !== servicePort ? port : null
}

function tunnelValue(tunnel: Tunnel): Plain {
  if (tunnel.type === 'ipip') return { type: 'ipip' }
  const checksum = tunnel.checksum === 'none' ? {} : { checksum: tunnel.checksum }
  return tunnel.type === 'gue'
    ? { type: 'gue', port: tunnel.port, ...checksum }
    : { type: 'gre', ...checksum }
}
