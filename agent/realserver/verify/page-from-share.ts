import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Host } from '../../host/host.ts'
import { fetchPage } from '../../host/web-pages.ts'
import { type IpAddress, withPort } from '../../model/address.ts'
import type { WantedRealServer, WantedWebServer } from '../desired.ts'
import type { CheckResult } from './check.ts'

const LIMIT_MS = 2_000
/** Somebody may put another page there just now. */
const TRIES = 3

/**
 * The page that a client gets is the file on the share: not the distribution's own page beneath a mount that is not
 * there, and not another site's.
 */
export async function checkPageFromShare(host: Host, wanted: WantedRealServer): Promise<CheckResult[]> {
  const { httpd, nfs, vips } = wanted
  if (httpd === null || httpd.proxy.length > 0) return []
  const share = nfs.find(({ target }) => httpd.root === target || httpd.root.startsWith(`${target}/`))
  const file = fileOf(httpd)
  if (share === undefined || file === null) return []
  return (await Promise.all(vips.map(vip => compare(host, vip, httpd, file, share.source)))).flat()
}

/** Null for a page that is no file as it is written: one with a query, or a list. */
function fileOf({ root, healthPath }: WantedWebServer): string | null {
  if (/[?#]/.test(healthPath)) return null
  const name = decodeURIComponent(healthPath)
  return join(root, name.endsWith('/') ? `${name}index.html` : name)
}

async function compare(
  { commands }: Host,
  vip: IpAddress,
  { port, healthPath }: WantedWebServer,
  file: string,
  source: string,
): Promise<CheckResult[]> {
  const result = { id: 'service-answers', subject: `http://${withPort(vip, port)}${healthPath}` } as const
  for (let left = TRIES; ; left--) {
    // In a process of its own: a share whose server is dead would keep this one.
    const summed = await commands.run('sha256sum', ['--', file], { timeoutMs: LIMIT_MS })
    if (summed?.exitStatus !== 0) return []
    const page = await fetchPage(vip, port, healthPath)
    if (page === null || page.status !== 200 || page.isCut) return []
    const isSame = summed.stdout.startsWith(createHash('sha256').update(page.body).digest('hex'))
    if (isSame)
      return [{ ...result, verdict: 'pass', evidence: `the page is ${file} on ${source}`, hint: '' }]
    if (left === 1)
      return [
        {
          ...result,
          verdict: 'fail',
          evidence: `the page is not ${file} on ${source}, byte by byte`,
          hint: `does another site, or a module, answer in its place? curl -s http://${withPort(vip, port)}${healthPath} | cmp - ${file}`,
        },
      ]
  }
}
