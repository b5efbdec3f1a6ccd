import { askPage } from '../../host/web-pages.ts'
import { ALIVE_PATH, READY_PATH } from '../../host/web-servers.ts'
import { withPort } from '../../model/address.ts'
import type { WantedRealServer } from '../desired.ts'

const OK = 200
const UNAVAILABLE = 503

/** What a director would hear, in words where that is not what it shall; of every VIP that is bound. */
export async function judgeSite(
  { vips, httpd }: WantedRealServer,
  wanted: 'drained' | 'in rotation',
): Promise<string | null> {
  if (httpd === null) return null
  const expected = wanted === 'drained' ? UNAVAILABLE : OK
  for (const vip of vips)
    for (const path of [ALIVE_PATH, READY_PATH]) {
      const answer = await askPage(vip, httpd.port, path)
      const where = `http://${withPort(vip, httpd.port)}${path}`
      if (answer === null) return `${where} does not answer`
      if (answer.status !== expected)
        return `${where} answers with status ${answer.status}, expected ${expected}`
    }
  return null
}
