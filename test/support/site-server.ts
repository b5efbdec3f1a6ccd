import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { renderSite, type Site, type WebServerKind } from '../../agent/realserver/httpd/site.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'
import { unpackedEnvironment, unpackedFolder } from './unpacked-tools.ts'

export const VIP = '10.10.10.100' as IpAddress
export const VIP6 = 'fd00::100' as IpAddress
/** What the host's other site says on every address that is not ours. */
export const OTHER_PAGE = 'another site\n'
export const RIP = '10.10.10.12' as IpAddress

export interface SiteServerOptions {
  /** Where it differs from the usual site of these tests. */
  site?: Partial<Site> | ((usual: Site) => Partial<Site>)
  template?: string
  /** Writes down which files the server asks for. */
  isTraced?: boolean
  /** A page below the document root for which the kernel takes this long, as if its file server were gone. */
  slow?: { page: string; ms: number }
}

/** Debian's web server with Debian's own configuration, and with the site that rs-agent renders. It ends with the host. */
export interface SiteServer {
  site: Site
  /** Where its configuration, its pages and its logs lie. */
  folder: string
  /** Like `systemctl reload`, with another configuration of the site. */
  reload(text: string): void
  /** The calls that name a file, as strace(1) writes them; only of a server that is traced. */
  filesAsked(): string
}

export async function startSite(
  host: Host,
  kind: WebServerKind,
  { site: special = {}, template, ...options }: SiteServerOptions = {},
): Promise<SiteServer> {
  const folder = makeFolder(kind)
  const usual = usualSite(folder)
  const site = { ...usual, ...(typeof special === 'function' ? special(usual) : special) }
  const text = renderSite(kind, template ?? readTemplate(`httpd/${kind}.conf`), site)
  configure(kind, folder, text)
  const command = [...traced(site, folder, options), ...commandOf(kind, folder)]
  // In process ids of their own: where the first one ends, so do the others, however it ends.
  const server = host.spawn('unshare', ['--pid', '--fork', '--kill-child', ...command], {
    env: environmentOf(kind, folder),
  })
  // Its last processes may not have ended yet.
  void server.finally(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  await listening(server, folder)
  return {
    site,
    folder,
    reload: changed => {
      writeFileSync(siteFile(kind, folder), changed)
      process.kill(childOf(server), 'SIGHUP')
    },
    filesAsked: () => readFileSync(traceOf(folder), 'utf8'),
  }
}

/** strace(1) as the words before a command; none where nothing is to be traced. */
function traced(
  { documentRoot }: Site,
  folder: string,
  { isTraced, slow }: Pick<SiteServerOptions, 'isTraced' | 'slow'>,
): string[] {
  const strace = ['strace', '-f', '-o', traceOf(folder), '-e', 'trace=%file']
  if (slow)
    return [
      ...strace,
      '-P',
      join(documentRoot, slow.page),
      '-e',
      `inject=%file:delay_enter=${slow.ms * 1000}`,
    ]
  return isTraced ? strace : []
}

function traceOf(folder: string): string {
  return join(folder, 'trace')
}

/** What the server itself says of a configuration: null where it takes it. */
export function complaintAbout(kind: WebServerKind, render: (usual: Site) => string): string | null {
  const folder = makeFolder(kind)
  configure(kind, folder, render(usualSite(folder)))
  const env = { ...process.env, ...environmentOf(kind, folder) }
  // nginx takes its ports even for a test.
  const args = ['--net', ...commandOf(kind, folder), '-t']
  const { status, stderr } = spawnSync('unshare', args, { env, encoding: 'utf8' })
  rmSync(folder, { recursive: true, force: true })
  return status === 0 ? null : stderr
}

/** On both VIPs, with pages in the folder. */
function usualSite(folder: string): Site {
  return {
    vips: [VIP, VIP6],
    rips: [RIP],
    port: 80,
    listens: 'elsewhere',
    documentRoot: join(folder, 'pages'),
    healthPath: '/',
    upstreams: [],
    drainFlag: join(folder, 'drained'),
    accessLog: join(folder, 'log/rs-agent_access.log'),
  }
}

function makeFolder(kind: WebServerKind): string {
  const folder = mkdtempSync(join(tmpdir(), `rs-agent-${kind}-`))
  // They serve as another user.
  chmodSync(folder, 0o755)
  for (const name of ['log', 'run', 'lock', 'temporary', 'pages']) mkdirSync(join(folder, name))
  return folder
}

function siteFile(kind: WebServerKind, folder: string): string {
  return join(folder, 'etc', kind === 'apache' ? 'sites-enabled' : 'conf.d', 'rs-agent.conf')
}

function configure(kind: WebServerKind, folder: string, text: string): void {
  const etc = join(folder, 'etc')
  cpSync(`${unpackedFolder('web')}/etc/${kind === 'apache' ? 'apache2' : 'nginx'}`, etc, { recursive: true })
  if (kind === 'apache') enableModules(etc)
  else moveNginx(folder)
  enableDefaultSite(kind, folder)
  writeFileSync(siteFile(kind, folder), text)
}

/** Those that Debian's apache2.postinst enables. */
function enableModules(etc: string): void {
  const usual =
    'alias auth_basic authn_core authn_file authz_core authz_host authz_user autoindex deflate dir env'
  const modules = `${usual} filter mime mpm_event negotiation reqtimeout setenvif status access_compat`
  for (const file of modules.split(' ').flatMap(module => [`${module}.load`, `${module}.conf`]))
    if (existsSync(join(etc, 'mods-available', file)))
      symlinkSync(`../mods-available/${file}`, join(etc, 'mods-enabled', file))
}

/** nginx has its paths built in: here they are told. */
function moveNginx(folder: string): void {
  const etc = join(folder, 'etc')
  edit(join(etc, 'nginx.conf'), [
    ['/etc/nginx', etc],
    ['/run/', `${folder}/run/`],
    ['/var/log/nginx', `${folder}/log`],
    ['worker_processes auto', 'worker_processes 2'],
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = temporary.map(name => `${name}_temp_path ${folder}/temporary/${name};\n`)
  writeFileSync(join(etc, 'conf.d/temporary.conf'), paths.join(''))
}

/** Debian's, which is for every address and every name. */
function enableDefaultSite(kind: WebServerKind, folder: string): void {
  const root = join(folder, 'other')
  mkdirSync(root)
  writeFileSync(join(root, 'index.html'), OTHER_PAGE)
  const name = kind === 'apache' ? '000-default.conf' : 'default'
  const enabled = join(folder, 'etc/sites-enabled', name)
  copyFileSync(join(folder, 'etc/sites-available', name), enabled)
  edit(enabled, [['/var/www/html', root]])
  if (kind === 'apache') edit(join(folder, 'etc/apache2.conf'), [['/var/www/', root]])
}

function edit(file: string, replacements: readonly [string, string][]): void {
  const text = replacements.reduce(
    (text, [from, to]) => text.replaceAll(from, to),
    readFileSync(file, 'utf8'),
  )
  writeFileSync(file, text)
}

function commandOf(kind: WebServerKind, folder: string): string[] {
  const etc = join(folder, 'etc')
  return kind === 'apache'
    ? ['apache2', '-d', etc, '-f', join(etc, 'apache2.conf'), '-D', 'FOREGROUND']
    : ['nginx', '-c', join(etc, 'nginx.conf'), '-g', 'daemon off;']
}

function environmentOf(kind: WebServerKind, folder: string): Record<string, string> {
  if (kind === 'nginx') return unpackedEnvironment('web')
  return {
    APACHE_RUN_USER: 'www-data',
    APACHE_RUN_GROUP: 'www-data',
    APACHE_PID_FILE: join(folder, 'run/apache2.pid'),
    APACHE_RUN_DIR: join(folder, 'run'),
    APACHE_LOCK_DIR: join(folder, 'lock'),
    APACHE_LOG_DIR: join(folder, 'log'),
  }
}

/** Both write the file once they listen. */
async function listening(server: Spawned, folder: string): Promise<void> {
  let ended = false
  void server.then(() => {
    ended = true
  })
  const files = ['apache2.pid', 'nginx.pid'].map(name => join(folder, 'run', name))
  while (!files.some(file => existsSync(file) && statSync(file).size > 0)) {
    if (ended) throw new Error(`the web server in ${folder} has ended: ${(await server).stderr}`)
    await sleep(20)
  }
}

function childOf({ pid }: Spawned): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0])
}
