import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from './host.ts'

export interface ApacheOptions {
  /** `ADDRESS:80`; every address of both families unless told. */
  listen?: string
  /** Its pages; a folder of its own, with the name of the host as `/index.html`, unless told. */
  documentRoot?: string
}

/** The page `/100kB`: what a usual page with its pictures weighs. */
export const PAGE_BYTES = 100_000

/** Debian's Apache on a host, started directly: as fast as a real server, and started in no time. */
export async function startApache(
  host: Host,
  options: ApacheOptions = {},
): Promise<{ stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), `rs-agent-apache-${host.name}-`))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // Apache serves as another user.
  chmodSync(folder, 0o755)
  const { listen = '80', documentRoot = pagesOf(host, folder) } = options
  const configuration = join(folder, 'httpd.conf')
  writeFileSync(configuration, configurationOf(folder, listen, documentRoot))
  // -X: one process, so that none is left when it is killed; its threads answer several clients.
  const server = host.spawn('apache2', ['-X', '-f', configuration])
  let ended = false
  void server.then(() => {
    ended = true
  })
  // It writes the file once it listens.
  while (!existsSync(join(folder, 'pid'))) {
    if (ended) throw new Error(`apache2 on ${host.name} has ended: ${(await server).stderr}`)
    await sleep(20)
  }
  const stop = async () => {
    server.kill('SIGKILL')
    await server
  }
  return { stop }
}

function pagesOf({ name }: Host, folder: string): string {
  const root = join(folder, 'pages')
  mkdirSync(root)
  writePages(root, name)
  return root
}

/** `/index.html` and `/100kB`, both with the text in their first line. */
export function writePages(root: string, text: string): void {
  writeFileSync(join(root, 'index.html'), `${text}\n`)
  writeFileSync(join(root, '100kB'), `${text}\n`.padEnd(PAGE_BYTES, 'x'))
}

function configurationOf(folder: string, listen: string, documentRoot: string): string {
  const modules = ['mpm_worker', 'authz_core', 'dir'].map(
    name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so\n`,
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
DocumentRoot ${documentRoot}
DirectoryIndex index.html
`
}
