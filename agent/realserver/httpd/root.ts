import { isBelow } from '../../model/mount.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import { STATE_FOLDER } from '../../reconcile/journal.ts'
import type { Refusal } from '../../reconcile/refusal.ts'
import type { WantedRealServer } from '../desired.ts'
import { OF_THE_KERNEL, OF_THE_SYSTEM } from '../nfs/refusals.ts'

/** Where passwords, keys and settings lie: neither they nor anything in them is for clients. */
const PRIVATE = [...OF_THE_KERNEL, '/etc', '/root', `/${STATE_FOLDER}`]
/** These have such folders in them. */
const NOT_AS_A_WHOLE = [...OF_THE_SYSTEM, '/', '/var/lib']

/** A document root from which clients would read what is this host's own. */
export function rootRefusals({ httpd }: Pick<WantedRealServer, 'httpd'>): Refusal[] {
  if (httpd === null || httpd.proxy.length > 0) return []
  const { root } = httpd
  const isPrivate = PRIVATE.some(folder => root === folder || isBelow(root, folder))
  if (!isPrivate && !NOT_AS_A_WHOLE.includes(root)) return []
  return [
    {
      path: ['realServer', 'httpd', 'root'],
      why: `${root} is no place for pages: every client could read this host's own files`,
      hint: 'put the pages into a folder of their own, such as /var/www/html',
    },
  ]
}

/** A document root that nothing makes: neither a share nor, with its package, the web server. */
export function tellOfRoot({ httpd, nfs }: WantedRealServer, { serving }: FoundHost): string[] {
  if (httpd === null || httpd.proxy.length > 0 || serving === undefined) return []
  const { root, server } = httpd
  const isOnShare = nfs.some(({ target }) => root === target || isBelow(root, target))
  const comesWithPackage = root === STOCK_ROOT && (serving.webServers[server]?.listens ?? []).length === 0
  if (isOnShare || comesWithPackage || serving.folders[root] !== undefined) return []
  return [`${root} does not exist yet: every page is 404 until somebody puts pages there`]
}

const STOCK_ROOT = '/var/www/html'
