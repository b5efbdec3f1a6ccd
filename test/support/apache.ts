import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'
import { unpackedEnvironment } from './unpacked-tools.ts'

export interface ApacheOptions {
  /** `ADDRESS:80`; every address of both families unless told. */
  listen?: string
  /** `SERVER:/PATH`: its document root is this NFS share; unless told, a folder with the pages of `writePages`. */
  share?: string
}

/** A web server that runs. */
export interface Apache {
  signal(name: NodeJS.Signals): void
  /** Does not reject. */
  ended: Promise<unknown>
}

/** The page `/100kB`: what a usual page with its pictures weighs. */
export const PAGE_BYTES = 100_000

/** Debian's Apache on a host, started directly: as fast as a real server, and started in no time. */
export async function startApache(host: Host, { listen = '80', share }: ApacheOptions = {}): Promise<Apache> {
  const folder = mkdtempSync(join(tmpdir(), `rs-agent-apache-${host.name}-`))
  folders.add(folder)
  // Apache serves as another user.
  chmodSync(folder, 0o755)
  const pages = join(folder, 'pages')
  mkdirSync(pages)
  if (share === undefined) writePages(pages, host.name)
  const configuration = join(folder, 'httpd.conf')
  writeFileSync(configuration, configurationOf(host, folder, listen))
  // -X: one process, so that none is left when it is killed; its threads answer several clients.
  const apache = ['-X', '-f', configuration]
  const server = share === undefined ? host.spawn('apache2', apache) : startOn(host, share, pages, apache)
  let ended = false
  void server.then(() => {
    ended = true
  })
  // It writes the file once it listens.
  while (!existsSync(join(folder, 'pid'))) {
    if (ended) throw new Error(`apache2 on ${host.name} has ended: ${(await server).stderr}`)
    await sleep(20)
  }
  return { signal: name => server.kill(name), ended: server }
}

// One listener for all: a hundred would be taken for a leak.
const folders = new Set<string>()
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** In a mount namespace of its own, which goes with it, and the mount with that. */
function startOn(host: Host, share: string, pages: string, apache: readonly string[]): Spawned {
  const script = [
    // By its name an NFS server knows a client again: two of one name would be one that starts anew again and again.
    'echo "$0" >/proc/sys/kernel/hostname',
    'modprobe nfsv4',
    // The tools of the lab are not where mount looks for them. Soft: a server that is gone must not hang the tests.
    'mount.nfs4 "$1" "$2" -o ro,vers=4.2,soft,timeo=50',
    'shift 2',
    'exec apache2 "$@"',
  ].join('\n')
  const args = ['--mount', '--uts', 'sh', '-euc', script, host.name, share, pages, ...apache]
  return host.spawn('unshare', args, { env: unpackedEnvironment('nfs') })
}

/** `/index.html` and `/100kB`, both with the text in their first line. */
export function writePages(root: string, text: string): void {
  writeFileSync(join(root, 'index.html'), `${text}\n`)
  writeFileSync(join(root, '100kB'), `${text}\n`.padEnd(PAGE_BYTES, 'x'))
}

function configurationOf({ name }: Host, folder: string, listen: string): string {
  const modules = ['mpm_worker', 'authz_core', 'dir', 'headers'].map(
    module => `LoadModule ${module}_module /usr/lib/apache2/modules/mod_${module}.so\n`,
  )
  return `ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
User www-data
Group www-data
${modules.join('')}ThreadsPerChild 8
MaxRequestWorkers 8
KeepAlive Off
Listen ${listen}
# A connection without a request is taken as well.
AcceptFilter http none
DocumentRoot ${folder}/pages
DirectoryIndex index.html
Header set Real-Server ${name}
`
}
