import type { HttpCheck } from '../config/check.ts'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import { readTemplate } from '../host/templates.ts'
import { familyOf, type IpAddress, type IpNetwork } from '../model/address.ts'

/** What a host with the real-server role shall be, whatever it is now. */
export interface WantedRealServer {
  vips: readonly IpAddress[]
  /** The NICs that face the VIPs' segment: those named, or whatever carries IPv4. */
  interfaces: 'auto' | readonly string[]
  /** The hosts that may answer for the VIPs. */
  directors: readonly IpAddress[]
  /** The other real servers, as far as they are told: who answers for a VIP is then called by name. */
  siblings: readonly IpAddress[]
  /** Where clients come from; empty stands for anywhere. */
  clients: readonly IpNetwork[]
  /** What clients reach on each VIP, in the order of `vips`. */
  services: readonly VipService[]
  /** Texts of the templates that are rendered for this role. */
  templates: { sysctl: string }
}

/** What one VIP offers. */
export interface VipService {
  vip: IpAddress
  /** `80/tcp`. */
  ports: readonly string[]
  /** How the web server behind it is asked; undefined when nothing was written. */
  check: HttpCheck | undefined
}

/** Throws when the configuration has no real-server role, or asks for what this version cannot do. */
export function wantedRealServer(config: Config): WantedRealServer {
  const { realServer } = config
  if (realServer === undefined)
    throw new AgentError(
      'config-invalid',
      `${config.file}: there is no realServer section`,
      'this command acts on the real-server role: add `realServer: { vips: [...] }`',
    )
  for (const section of ['httpd', 'nfs'] as const)
    if (realServer[section] !== undefined)
      throw new AgentError(
        'unsupported',
        `${config.locate(['realServer', section])}: this version does not set up ${section}`,
        'take the section out; the VIPs are looked after without it',
      )
  return {
    vips: realServer.vips.map(vip => vip.address),
    interfaces: realServer.interfaces,
    directors: realServer.directors,
    siblings: realServer.siblings,
    clients: realServer.clients,
    services: realServer.vips.map(({ address, ports, check }) => ({ vip: address, ports, check })),
    templates: { sysctl: readTemplate('sysctl/90-rs-agent.conf') },
  }
}

/** ARP is IPv4's; an IPv6 VIP on lo is silent by construction, because NDP asks the NIC's own addresses. */
export function ipv4Vips(wanted: Pick<WantedRealServer, 'vips'>): IpAddress[] {
  return wanted.vips.filter(vip => familyOf(vip) === 4)
}
