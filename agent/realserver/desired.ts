import type { HttpCheck } from '../config/check.ts'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import { filesBelow } from '../host/files.ts'
import { readOwnTemplate } from '../host/templates.ts'
import { familyOf, type IpAddress, type IpNetwork } from '../model/address.ts'
import type { WebServerName } from '../model/distribution.ts'
import { type Drain, readDrain } from './drain/drain-flag.ts'

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
  /** What the web server serves, and of whom; null where it is somebody else's matter. */
  httpd: WantedWebServer | null
  nfs: readonly WantedShare[]
  /** Whether an administrator has taken this host out of rotation. */
  drain: Drain
  /** Whether apply installs the packages that these need. */
  packages: 'install' | 'leave'
  /** Texts of the templates that are rendered for this role; those of what is not wanted are empty. */
  templates: { sysctl: string; site: string; mount: string; automount: string }
}

export interface WantedWebServer {
  server: WebServerName
  port: number
  /** The document root. */
  root: string
  /** A page that must be there. */
  healthPath: string
  /** Applications that requests are passed on to; empty where pages come from `root`. */
  proxy: readonly { address: IpAddress; port: number }[]
}

/** A share of an NFS server, and where it is mounted. */
export interface WantedShare {
  /** SERVER:/PATH. */
  source: string
  target: string
  /** As written: options that are not named are chosen for a web server. */
  options: string
}

/** What one VIP offers. */
export interface VipService {
  vip: IpAddress
  /** `80/tcp`. */
  ports: readonly string[]
  /** How the web server behind it is asked; undefined when nothing was written. */
  check: HttpCheck | undefined
}

/** Throws when the configuration has no real-server role. Templates of the host's own, below the root, come first. */
export function wantedRealServer(config: Config, root: string): WantedRealServer {
  const { realServer } = config
  if (realServer === undefined)
    throw new AgentError(
      'config-invalid',
      `${config.file}: there is no realServer section`,
      'this command acts on the real-server role: add `realServer: { vips: [...] }`',
    )
  const { httpd, nfs, packages } = realServer
  return {
    vips: realServer.vips.map(vip => vip.address),
    interfaces: realServer.interfaces,
    directors: realServer.directors,
    siblings: realServer.siblings,
    clients: realServer.clients,
    services: realServer.vips.map(({ address, ports, check }) => ({
      vip: address,
      ports,
      check: check ?? (httpd === undefined ? undefined : checkOf(httpd)),
    })),
    httpd: httpd === undefined ? null : { ...httpd, proxy: httpd.proxy ?? [] },
    nfs,
    drain: readDrain(filesBelow(root)),
    packages,
    templates: {
      sysctl: readOwnTemplate('sysctl/90-rs-agent.conf', root),
      site: httpd === undefined ? '' : readOwnTemplate(siteTemplate(httpd), root),
      mount: nfs.length === 0 ? '' : readOwnTemplate('nfs/rs-agent.mount', root),
      automount: nfs.length === 0 ? '' : readOwnTemplate('nfs/rs-agent.automount', root),
    },
  }
}

/** Where nothing else is written the web server's own page is asked for. */
function checkOf({ port, healthPath }: Pick<WantedWebServer, 'port' | 'healthPath'>): HttpCheck {
  return { type: 'http', port, path: healthPath, timeout: CHECK_TIMEOUT_MS }
}

const CHECK_TIMEOUT_MS = 2_000

/** Its name among the templates. */
export function siteTemplate({
  server,
  proxy = [],
}: {
  server: WebServerName
  proxy?: WantedWebServer['proxy'] | undefined
}): string {
  return `httpd/${server}${proxy.length === 0 ? '' : '-proxy'}.conf`
}

/** ARP is IPv4's; an IPv6 VIP on lo is silent by construction, because NDP asks the NIC's own addresses. */
export function ipv4Vips(wanted: Pick<WantedRealServer, 'vips'>): IpAddress[] {
  return wanted.vips.filter(vip => familyOf(vip) === 4)
}
