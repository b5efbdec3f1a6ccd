import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { hostname } from 'node:os'
import { type Answer, answerTo, plain } from './answer.ts'
import { isForThisHost } from './host-header.ts'
import { listenAt, type Place, placeText } from './listening.ts'
import type { ServiceView } from './view.ts'

/** Where this host tells how it is: the status page, its JSON, /healthz and /metrics. */
export interface Endpoint {
  /** As `listen` of the configuration names it; with the port that it got when it asked for any. */
  address: string
  /** Ends every connection. */
  close(): Promise<void>
}

/** Whoever comes beyond that takes the place of whoever has been there for longest. */
const MOST_CONNECTIONS = 64
/** No request needs more: there are no cookies, and no bodies. */
const LONGEST_HEADERS_BYTES = 8 * 1024
/** Until a request must be there as a whole, from the first moment of its connection on. */
const REQUEST_MS = 5_000
/** The page asks each 2 s. */
const BETWEEN_REQUESTS_MS = 5_000
/** Nobody takes what is sent: it is not kept for longer. */
const SILENCE_MS = 5_000
/** How often Node looks for requests that take too long. */
const LOOK_FOR_SLOW_MS = 2_000

/**
 * The page has its script and style from here, and nothing from anywhere else; nothing of it is kept, framed or sent
 * on. (OWASP Secure Headers; CSP Level 3.)
 */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Answers at that place until it is closed; throws AgentError (`failed`) when it cannot listen there. */
export async function openEndpoint(place: Place, look: () => Promise<ServiceView>): Promise<Endpoint> {
  const server = createServer({
    maxHeaderSize: LONGEST_HEADERS_BYTES,
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: BETWEEN_REQUESTS_MS,
    connectionsCheckingInterval: LOOK_FOR_SLOW_MS,
  })
  server.setTimeout(SILENCE_MS)
  limitConnections(server)
  const isChecked = !('socket' in place)
  server.on('request', (request, response) => {
    const answer = refusalOf(request, { isChecked }) ?? answerTo(request.url?.split('?', 1)[0] ?? '/', look)
    void Promise.resolve(answer)
      .then(answer => send(response, request, answer))
      .catch(() => response.destroy())
  })
  await listenAt(server, place)
  // Such as too many open files: whoever asks now gets no answer, and the next one may.
  server.on('error', () => undefined)
  const bound = server.address()
  return {
    address: placeText(
      'socket' in place || typeof bound !== 'object' ? place : { ...place, port: bound?.port ?? 0 },
    ),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** So that connections which nobody uses cost little, and keep nobody out. */
function limitConnections(server: Server): void {
  const open = new Set<Socket>()
  server.on('connection', socket => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    const [oldest] = open
    if (open.size > MOST_CONNECTIONS) oldest?.destroy()
  })
}

/** Null when there is nothing against answering. No browser gets to a Unix socket: names are not looked at there. */
function refusalOf(
  { method, headers }: IncomingMessage,
  { isChecked }: { isChecked: boolean },
): Answer | null {
  if (isChecked && !isForThisHost(headers.host, hostname()))
    return plain(421, `this is not ${headers.host}: ask for it by its address, or as ${hostname()}`)
  if (method !== 'GET' && method !== 'HEAD')
    return plain(405, `${method} does nothing here: GET and HEAD alone`)
  return hasBody(headers) ? plain(413, 'no request needs a body here') : null
}

function hasBody(headers: IncomingMessage['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function send(response: ServerResponse, request: IncomingMessage, { status, type, body }: Answer): void {
  const isRefused = [405, 413, 421].includes(status)
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
    // Its body, which may never end, is not waited for.
    ...(isRefused && { Connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body, () => {
    if (isRefused) request.socket.destroySoon()
  })
}
