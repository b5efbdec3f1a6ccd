import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import { readTemplate } from '../host/templates.ts'
import { familyOf, type IpAddress } from '../model/address.ts'

/** What a host with the real-server role shall be, whatever it is now. */
export interface WantedRealServer {
  vips: readonly IpAddress[]
  /** The NICs that face the VIPs' segment: those named, or whatever carries IPv4. */
  interfaces: 'auto' | readonly string[]
  /** The hosts that may answer for the VIPs. */
  directors: readonly IpAddress[]
  /** Texts of the templates that are rendered for this role. */
  templates: { sysctl: string }
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
    templates: { sysctl: readTemplate('sysctl/90-rs-agent.conf') },
  }
}

/** ARP is IPv4's; an IPv6 VIP on lo is silent by construction, because NDP asks the NIC's own addresses. */
export function ipv4Vips(wanted: Pick<WantedRealServer, 'vips'>): IpAddress[] {
  return wanted.vips.filter(vip => familyOf(vip) === 4)
}
