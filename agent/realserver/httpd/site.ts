import { createHash } from 'node:crypto'
import { AgentError, messageOf } from '../../errors.ts'
import { familyOf, type IpAddress, withPort } from '../../model/address.ts'
import { apache, type Dialect, nginx } from '../../model/dialect.ts'
import { renderNamed, renderTemplate, type TemplateValues } from '../../model/template.ts'
import { siteTemplate } from '../desired.ts'

export type WebServerKind = 'apache' | 'nginx'

/** One site on the VIPs and on this host's own addresses, which the director's checks ask. */
export interface Site {
  vips: readonly IpAddress[]
  /** No link-local ones: they mean nothing without their NIC. */
  rips: readonly IpAddress[]
  port: number
  /** `elsewhere`: another file of the server makes it listen to the port on every address. */
  listens: 'here' | 'elsewhere'
  /** Absolute, as are the drain flag and the access log. */
  documentRoot: string
  /** As in a URL: percent-encoded, with a query or without. */
  healthPath: string
  /** The applications that a reverse proxy asks; only the template nginx-proxy.conf has a use for them. */
  upstreams: readonly { address: IpAddress; port: number }[]
  /** While this file exists the host is drained. The server's workers must be able to see it: all its folders o+x. */
  drainFlag: string
  accessLog: string
}

/** The configuration of the site, with its own revision in it. Throws AgentError `config-invalid`. */
export function renderSite(kind: WebServerKind, template: string, site: Site): string {
  return renderWith(kind, template, site, revisionOf(kind, template, site))
}

/** What `/.rs-agent/alive` answers with once a server has loaded exactly this: 12 hexadecimal digits. */
export function revisionOf(kind: WebServerKind, template: string, site: Site): string {
  return createHash('sha256')
    .update(renderWith(kind, template, site, ''))
    .digest('hex')
    .slice(0, 12)
}

function renderWith(kind: WebServerKind, template: string, site: Site, revision: string): string {
  const { dialect, valuesOf } = SERVERS[kind]
  const values = { ...commonValues(site), ...valuesOf(site), revision }
  const name = siteTemplate({ server: kind, proxy: site.upstreams })
  return renderNamed(name, () => renderTemplate(template, values, dialect))
}

const SERVERS: Record<WebServerKind, { dialect: Dialect; valuesOf: (site: Site) => TemplateValues }> = {
  apache: { dialect: apache, valuesOf: apacheValues },
  nginx: { dialect: nginx, valuesOf: nginxValues },
}

function commonValues({ vips, rips, port, documentRoot, drainFlag, accessLog, upstreams }: Site) {
  for (const path of [documentRoot, drainFlag, accessLog])
    if (!path.startsWith('/')) throw invalid(`${JSON.stringify(path)} is not an absolute path`)
  const addresses = [...new Set([...vips, ...rips])]
  return {
    sockets: addresses.map(address => ({ socket: withPort(address, port) })),
    documentRoot,
    drainFlag,
    accessLog,
    upstreams: upstreams.map(({ address, port }) => ({ upstream: withPort(address, port) })),
  }
}

function apacheValues({ vips, port, listens, documentRoot, drainFlag, healthPath }: Site): TemplateValues {
  // <Directory> reads wildcards, and would not find a folder that has them in its name.
  if (/[*?[\]\\]/.test(documentRoot))
    throw invalid(`Apache takes ${JSON.stringify(documentRoot)} for a pattern, not for a folder`)
  const { pathname, search } = parseHealthPath(healthPath)
  return {
    listens: listens === 'here' ? [{ listen: port }] : [],
    // It takes no IPv6 address for a name; only a client that names no host is ever told it.
    serverName: vips.find(vip => familyOf(vip) === 4) ?? 'localhost',
    isDrained: `-f ${apacheText(drainFlag)}`,
    healthPage: pathname + search,
  }
}

/** A text within an expression of Apache's (server/util_expr_scan.l), where `$1` and `%{…}` are replaced. */
function apacheText(text: string): string {
  if (/\$[0-9{]|%\{/.test(text)) throw invalid(`Apache would replace a part of ${JSON.stringify(text)}`)
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}

function nginxValues({ vips, rips, port, listens, healthPath }: Site): TemplateValues {
  // Not unless it is needed: a kernel without IPv6 refuses such a socket.
  const hasIpv6 = [...vips, ...rips].some(address => familyOf(address) === 6)
  const everywhere = hasIpv6 ? [String(port), `[::]:${port}`] : [String(port)]
  const { pathname, search } = parseHealthPath(healthPath)
  return {
    listens: listens === 'here' ? everywhere.map(listen => ({ listen })) : [],
    healthPage: decoded(pathname, healthPath) + search,
  }
}

/** Without `.` and `..`: what is asked for lies in the document root. */
function parseHealthPath(healthPath: string): URL {
  const text = `http://localhost${healthPath}`
  if (!healthPath.startsWith('/') || !URL.canParse(text))
    throw invalid(`healthPath ${JSON.stringify(healthPath)} is not the path of a URL`)
  return new URL(text)
}

/** nginx looks for the page of a rewritten URL by its name as it is. */
function decoded(pathname: string, healthPath: string): string {
  try {
    const name = decodeURIComponent(pathname)
    if (!/[?]|\/\.\.?(\/|$)/.test(name)) return name
  } catch (cause) {
    throw invalid(`healthPath ${JSON.stringify(healthPath)}: ${messageOf(cause)}`)
  }
  throw invalid(`nginx cannot be told to serve healthPath ${JSON.stringify(healthPath)}`)
}

function invalid(message: string): AgentError {
  return new AgentError('config-invalid', message, 'choose another one in the section httpd')
}
