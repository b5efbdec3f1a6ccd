import { messageOf } from '../../errors.ts'
import { readTemplate } from '../../host/templates.ts'
import { whyNotHealthy } from './healthz.ts'
import type { ServiceView } from './view.ts'

export interface Answer {
  status: number
  type: string
  body: string
}

type Look = () => Promise<ServiceView>
type Route = (look: Look) => Promise<Answer>

/** A look that takes longer is not waited for: somebody asks again anyway. */
const LOOK_MS = 5_000

/** Of the page; the first one imports the others. */
const SCRIPTS = ['page.js', 'parts.js', 'overall.js', 'real-server.js', 'director.js']

const ROUTES: Readonly<Record<string, Route>> = {
  '/': file('page.html', 'text/html; charset=utf-8'),
  '/page.css': file('page.css', 'text/css; charset=utf-8'),
  ...Object.fromEntries(SCRIPTS.map(name => [`/${name}`, file(name, 'text/javascript; charset=utf-8')])),
  '/icon.svg': file('icon.svg', 'image/svg+xml'),
  '/status.json': statusDocument,
  '/healthz': healthz,
  '/metrics': metrics,
}

export const PATHS = Object.keys(ROUTES)

/** What is told at a path; never throws. */
export async function answerTo(path: string, look: Look): Promise<Answer> {
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined
  if (route === undefined) return plain(404, `there is no ${path} here; there is ${PATHS.join(', ')}`)
  try {
    return await route(() => within(LOOK_MS, look))
  } catch (error) {
    return plain(500, `rs-agent cannot tell how this host is: ${messageOf(error)}`)
  }
}

export function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` }
}

/** Read once: after an upgrade the page and its script stay of one version, as this process is. */
function file(name: string, type: string): Route {
  let body: string | null = null
  return async () => {
    body ??= readTemplate(`status-page/${name}`)
    return { status: 200, type, body }
  }
}

/** The view, and what /healthz says of it. */
async function statusDocument(look: Look): Promise<Answer> {
  const view = await look()
  const body = JSON.stringify({ ...view, notHealthy: whyNotHealthy(view) })
  return { status: 200, type: 'application/json', body: `${body}\n` }
}

async function healthz(look: Look): Promise<Answer> {
  const reasons = whyNotHealthy(await look())
  return reasons.length === 0 ? plain(200, 'ok') : plain(503, reasons.join('\n'))
}

async function metrics(look: Look): Promise<Answer> {
  // Where nobody scrapes the client library is never loaded.
  const { METRICS_TYPE, metricsText } = await import('./metrics.ts')
  return { status: 200, type: METRICS_TYPE, body: await metricsText(await look()) }
}

async function within<Found>(limitMs: number, look: () => Promise<Found>): Promise<Found> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${limitMs / 1000} s to look`)), limitMs)
  })
  try {
    return await Promise.race([look(), tooLate])
  } finally {
    clearTimeout(timer)
  }
}
