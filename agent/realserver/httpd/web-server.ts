import type { FoundWebServer, WebServerForm, WebServerQuestion } from '../../host/web-servers.ts'
import type { IpAddress } from '../../model/address.ts'
import { familyOf, withPort } from '../../model/address.ts'
import type { WebServerName, WebServerPlace } from '../../model/distribution.ts'
import { arpNics, type InterfaceAddress } from '../../model/network.ts'
import { fileClaim } from '../../reconcile/file-claim.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { FoundServing } from '../../reconcile/found-serving.ts'
import type { Refusal } from '../../reconcile/refusal.ts'
import type { Claim, Prior } from '../../reconcile/step.ts'
import type { WantedRealServer, WantedWebServer } from '../desired.ts'
import { DRAIN_FLAG } from '../drain/drain-flag.ts'
import { pathNics } from '../nics.ts'
import { LOOPBACK } from '../vip-address.ts'
import { readFirstLine, withFirstLine } from '../written-by-us.ts'
import { renderSite, revisionOf, type Site } from './site.ts'

/** The web server: its site on the VIPs and on the host's own addresses, and that it runs with it. */
export function webServerClaims(wanted: WantedRealServer, found: FoundHost): Claim[] {
  const { httpd } = wanted
  const { serving } = found
  const place = httpd === null ? null : placeOf(httpd, serving)
  if (httpd === null || place === null || serving === undefined) return []
  const { content, revision } = siteOf(wanted, httpd, found, place)
  const [address] = [...ownAddresses(wanted, found), ...wanted.vips]
  const present = serving.webServers[httpd.server]
  const wantedForm: WebServerForm = {
    enabled: serving.init !== 'none',
    running: true,
    site: address === undefined ? null : { revision, address, port: httpd.port },
  }
  const file = fileClaim('httpd', place.site, content, found)
  return [
    {
      ...file,
      phase: 'configure',
      wanted: {
        kind: 'site',
        id: { server: httpd.server, path: place.site },
        value: file.wanted.value,
      } as Claim['wanted'],
    },
    {
      resource: 'httpd',
      phase: 'start',
      wanted: { kind: 'web-server', id: { server: httpd.server }, value: wantedForm },
      satisfied: present !== undefined && isServing(present, wantedForm),
      onRemove: 'put-back',
    },
  ]
}

export function webServerRefusals(
  { httpd }: WantedRealServer,
  { serving }: FoundHost,
  priors: readonly Prior[],
): Refusal[] {
  const present = httpd === null ? undefined : serving?.webServers[httpd.server]
  if (httpd === null || present === undefined) return []
  return [
    ...maskedRefusals(httpd, present, serving),
    ...portRefusals(httpd, present, priors),
    ...listenRefusals(httpd, present),
  ]
}

function maskedRefusals(
  httpd: WantedWebServer,
  { isMasked }: FoundWebServer,
  serving: FoundServing | undefined,
): Refusal[] {
  const place = placeOf(httpd, serving)
  if (place === null || !isMasked) return []
  const unit = `${place.unit}.service`
  return [
    {
      path: ['realServer', 'httpd', 'server'],
      why: `${unit} is masked: an administrator of this host forbade to start it`,
      hint: `systemctl unmask ${unit}`,
      code: 'unsupported',
    },
  ]
}

/**
 * The port is somebody else's, or a part of it, and a web server that listens on every address can then not listen at
 * all: Apache even ends when it is told to, while it runs. The web server that this one replaces gives it up first.
 */
function portRefusals(
  { server, port }: WantedWebServer,
  { portTakenBy: [owner] }: FoundWebServer,
  priors: readonly Prior[],
): Refusal[] {
  const replacesAnother = priors.some(({ kind, id }) => kind === 'web-server' && id.server !== server)
  if (owner === undefined || replacesAnother) return []
  const { process, address } = owner
  const who =
    process === null ? 'a process that cannot be seen from here' : `${process.name} (process ${process.pid})`
  return [
    {
      path: ['realServer', 'httpd', 'port'],
      why: `port ${port} is taken by ${who} at ${withPort(address, port)}, and ${server} is to have it`,
      hint: `stop it and keep it from starting, or choose another port; ss -ltnp 'sport = :${port}'`,
      code: 'unsupported',
    },
  ]
}

/**
 * The kernel gives nobody a port on every address whose one address has been taken. nginx asks for all of them alone,
 * but while it runs it asks beside the sockets that it has.
 */
function listenRefusals(
  { server, port }: WantedWebServer,
  { running, site, listens }: FoundWebServer,
): Refusal[] {
  const ofPort = (listens ?? []).filter(listen => listen.port === port)
  const [narrow] = ofPort
  const isGivenIt = server === 'nginx' && (!running || site?.port === port)
  if (narrow === undefined || ofPort.some(({ address }) => address === null) || isGivenIt) return []
  return [
    {
      path: ['realServer', 'httpd', 'port'],
      why: `${server} is told to listen on ${narrow.address}:${port} by another file, which keeps it from listening on port ${port} of every address`,
      hint: `have its configuration listen on every address (\`Listen ${port}\`), or choose another port`,
      code: 'unsupported',
    },
  ]
}

/** What the user should know of it beside the changes. */
export function tellOfWebServer(wanted: WantedRealServer, found: FoundHost): string[] {
  const { httpd } = wanted
  const { serving } = found
  if (httpd === null || serving === undefined) return []
  const { server, port } = httpd
  const present = serving.webServers[server]
  const hidesOthers = present?.running === true && present.site === null && listensEverywhere(present, port)
  const addresses = [...wanted.vips, ...ownAddresses(wanted, found)].map(address => withPort(address, port))
  return [
    ...(hidesOthers
      ? [`${server} runs with other sites: at ${addresses.join(', ')} clients find this one from now on`]
      : []),
    ...(serving.init === 'none'
      ? [`systemd does not run here: ${server} is started by its own commands, and by nothing at boot`]
      : []),
  ]
}

function isServing(present: WebServerForm, { enabled, site }: WebServerForm): boolean {
  return present.running && (present.enabled || !enabled) && present.site?.revision === site?.revision
}

function siteOf(
  wanted: WantedRealServer,
  { server, port, root, healthPath, proxy }: WantedWebServer,
  found: FoundHost,
  place: WebServerPlace,
): { content: string; revision: string } {
  const site: Site = {
    vips: wanted.vips as Site['vips'],
    rips: ownAddresses(wanted, found),
    port,
    listens: listensEverywhere(found.serving?.webServers[server], port) ? 'elsewhere' : 'here',
    documentRoot: root,
    healthPath,
    upstreams: proxy,
    drainFlag: `/${DRAIN_FLAG}`,
    accessLog: `${place.logs}/rs-agent.log`,
  }
  const { site: template } = wanted.templates
  const revision = revisionOf(server, template, site)
  return { content: withFirstLine(renderSite(server, template, site), revision, { port }), revision }
}

/** A server that is not installed yet comes with its distribution's own configuration, which listens on port 80. */
function listensEverywhere(present: Pick<FoundWebServer, 'listens'> | undefined, port: number): boolean {
  const listens = present?.listens ?? [{ address: null, port: STOCK_PORT }]
  return listens.some(listen => listen.address === null && listen.port === port)
}

const STOCK_PORT = 80

/**
 * The host's own addresses (RIP) where the director's frames arrive: its checks come to them. A site for an address
 * that comes and goes would be written anew each time.
 */
function ownAddresses(wanted: WantedRealServer, found: FoundHost): IpAddress[] {
  const { vips } = wanted
  const nics = new Set(vips.flatMap(vip => pathNics(wanted, found, vip)).map(({ name }) => name))
  return lastingAddresses(found).flatMap(({ link, address }) =>
    nics.has(link) && !vips.includes(address) ? [address] : [],
  )
}

/** An IPv4 lease is as a rule for the same address each time. */
function lastingAddresses({ addresses }: Pick<FoundHost, 'addresses'>): InterfaceAddress[] {
  return addresses
    .filter(
      ({ address, scope, leased }) =>
        scope === RT_SCOPE_UNIVERSE && (familyOf(address) === 4 || leased !== true),
    )
    .toSorted((left, right) => familyOf(left.address) - familyOf(right.address))
}

/** include/uapi/linux/rtnetlink.h */
const RT_SCOPE_UNIVERSE = 0

/** Whom to ask for our site, at all addresses: the server that is wanted, and those that an earlier apply changed. */
export function webServerQuestions(
  wanted: WantedRealServer | null,
  priors: readonly Prior[],
  found: Pick<FoundHost, 'links' | 'addresses' | 'files'>,
): WebServerQuestion[] {
  // VIPs that are bound are all that a host has whose NICs speak no ARP.
  const links = [...arpNics(found.links).map(({ name }) => name), LOOPBACK]
  const addresses = links.flatMap(name =>
    lastingAddresses(found).flatMap(({ link, address }) => (link === name ? [address] : [])),
  )
  const ports = new Map<WebServerName, number>()
  for (const { kind, id } of priors) if (kind === 'web-server') ports.set(id.server, STOCK_PORT)
  for (const { kind, id } of priors)
    if (kind === 'site')
      ports.set(id.server, readFirstLine(found.files[id.path]?.content ?? '')?.port ?? STOCK_PORT)
  if (wanted?.httpd) ports.set(wanted.httpd.server, wanted.httpd.port)
  return [...ports].map(([server, port]) => ({ server, addresses, port }))
}

function placeOf({ server }: WantedWebServer, serving: FoundServing | undefined): WebServerPlace | null {
  return serving?.distribution?.webServers[server] ?? null
}
