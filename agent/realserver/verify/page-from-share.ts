import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { lastWordsOf } from '../../host/commands.ts'
import type { Host } from '../../host/host.ts'
import { fetchPage } from '../../host/web-pages.ts'
import { type IpAddress, withPort } from '../../model/address.ts'
import { isBelow, isNfs, isSameSource, type Mount, topmostAt } from '../../model/mount.ts'
import type { WantedRealServer, WantedShare, WantedWebServer } from '../desired.ts'
import type { CheckResult } from './check.ts'

const LIMIT_MS = 2_000
/** Somebody may put another page there just now. */
const TRIES = 3

type Machine = Pick<Host, 'commands' | 'mounts'>
type Judgement = Pick<CheckResult, 'verdict' | 'evidence' | 'hint'>

/**
 * The page that a client gets is the file on the share: not the distribution's own page beneath a mount that is not
 * there, and not another site's.
 */
export async function checkPageFromShare(
  host: Machine,
  { httpd, nfs, vips }: Pick<WantedRealServer, 'httpd' | 'nfs' | 'vips'>,
): Promise<CheckResult[]> {
  if (httpd === null || httpd.proxy.length > 0) return []
  const file = fileOf(httpd)
  const share = innermostOf(nfs, file ?? httpd.root)
  if (share === undefined) return []
  return Promise.all(
    vips.map(async (vip): Promise<CheckResult> => {
      const url = `http://${withPort(vip, httpd.port)}${httpd.healthPath}`
      const judgement =
        file === null
          ? skipped(`not compared with ${share.source}: a page with a query is no file`)
          : await compare(host, vip, httpd, file, share)
      return { id: 'service-answers', subject: url, ...judgement }
    }),
  )
}

/** Null for a page that is no file as it is written: one with a query, or a list. */
function fileOf({ root, healthPath }: WantedWebServer): string | null {
  if (/[?#]/.test(healthPath)) return null
  const name = decodeURIComponent(healthPath)
  return join(root, name.endsWith('/') ? `${name}index.html` : name)
}

/** The share that holds a path, where one may be mounted in another. */
function innermostOf(shares: readonly WantedShare[], path: string): WantedShare | undefined {
  return shares
    .filter(({ target }) => path === target || isBelow(path, target))
    .toSorted((left, right) => right.target.length - left.target.length)[0]
}

async function compare(
  { commands, mounts }: Machine,
  vip: IpAddress,
  { port, healthPath }: WantedWebServer,
  file: string,
  { source, target }: WantedShare,
): Promise<Judgement> {
  for (let left = TRIES; ; left--) {
    // In a process of its own: a share whose server is dead would keep this one.
    const summed = await commands.run('sha256sum', ['--', file], { timeoutMs: LIMIT_MS })
    // Only now: whoever comes first has an automount made.
    if (!isFrom(source, topmostAt(mounts.list(), target)))
      return unknown(`not compared with ${source}: it is not mounted at ${target}`, HINT_OF_MOUNT)
    if (summed === null)
      return unknown(`not compared with ${file}: there is no program sha256sum`, 'command -v sha256sum')
    if (summed.isOverdue)
      return unknown(`${file} on ${source} could not be read within ${LIMIT_MS / 1000} s`, HINT_OF_MOUNT)
    if (summed.exitStatus !== 0) return judgeUnread(lastWordsOf(summed), source)
    const page = await fetchPage(vip, port, healthPath)
    if (page === null) return unknown(`not compared with ${file}: no page came`, 'ss -ltnp')
    if (page.status !== 200) return skipped(`not compared with ${file}: the status is ${page.status}`)
    if (page.isCut) return skipped(`not compared with ${file}: the page is larger than a megabyte`)
    const isSame = summed.stdout.startsWith(createHash('sha256').update(page.body).digest('hex'))
    if (isSame) return { verdict: 'pass', evidence: `the page is ${file} on ${source}`, hint: '' }
    if (left === 1)
      return {
        verdict: 'fail',
        evidence: `the page is not ${file} on ${source}, byte by byte`,
        hint: `does another site, or a module, answer in its place? curl -s http://${withPort(vip, port)}${healthPath} | cmp - ${file}`,
      }
  }
}

/** A program may make the page, and then it is no file; an error of the share is another matter. */
function judgeUnread(words: string, source: string): Judgement {
  const evidence = `not compared with ${source}: ${words}`
  return /: (No such file|Is a directory|Not a directory)/.test(words)
    ? skipped(evidence)
    : unknown(evidence, HINT_OF_MOUNT)
}

const HINT_OF_MOUNT = 'rs-agent verify --only nfs-mounted'

function isFrom(source: string, mounted: Mount | null): boolean {
  return mounted !== null && isNfs(mounted) && isSameSource(mounted.source, source)
}

function skipped(evidence: string): Judgement {
  return { verdict: 'skipped', evidence, hint: '' }
}

function unknown(evidence: string, hint: string): Judgement {
  return { verdict: 'unknown', evidence, hint }
}
