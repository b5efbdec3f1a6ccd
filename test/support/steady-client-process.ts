// Fetches pages inside a host's namespace: an order on each line of stdin as JSON, and one line for its answer.
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientOrder, Page, Tally } from './steady-client.ts'

// A SYN that is lost is sent again after 1 s and 2 s more: what takes longer has failed.
const LIMIT_MS = 8000

// Each its own: IPVS remembers a connection for 2 minutes after its end, and takes the next one from the same port
// of the client for the same, which is sent where that one was and not counted.
let clientPort = 10_000

let isStopped = true
let underWay: Promise<Tally> | undefined
let open: { socket: Socket; page: Page } | undefined

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await obey(JSON.parse(line)))}\n`)

async function obey(order: ClientOrder): Promise<unknown> {
  switch (order.order) {
    case 'fetch':
      return fetchMany(order.page, fetched => fetched < order.times)
    case 'start':
      isStopped = false
      underWay = fetchMany(order.page, () => !isStopped, order.pauseMs)
      return null
    case 'start-at-pace':
      isStopped = false
      underWay = fetchAtPace(order.page, order.everyMs, order.limitMs)
      return null
    case 'stop':
      isStopped = true
      return underWay
    case 'connect': {
      const socket = await opened(order.page)
      open = { socket, page: order.page }
      return null
    }
    case 'ask':
      if (open === undefined) return 'no connection is open'
      return answerOn(open.socket, open.page).then(
        ({ page }) => firstLineOf(page),
        error => failureOf(error),
      )
    default:
      return order satisfies never
  }
}

async function fetchMany(page: Page, goesOn: (fetched: number) => boolean, pauseMs = 0): Promise<Tally> {
  const tally = emptyTally()
  for (let fetched = 0; goesOn(fetched); fetched++) {
    await fetchOne(page, tally, LIMIT_MS)
    if (pauseMs > 0) await sleep(pauseMs)
  }
  return tally
}

/** Whatever becomes of those before: as many clients of their own do, whom a slow answer does not hold back. */
async function fetchAtPace(page: Page, everyMs: number, limitMs: number): Promise<Tally> {
  const tally = emptyTally()
  const fetches: Promise<void>[] = []
  for (const startMs = performance.now(); !isStopped; ) {
    fetches.push(fetchOne(page, tally, limitMs))
    await sleep(Math.max(0, startMs + fetches.length * everyMs - performance.now()))
  }
  await Promise.all(fetches)
  return tally
}

/** Does not reject. */
async function fetchOne(page: Page, tally: Tally, limitMs: number): Promise<void> {
  const startedMs = performance.now()
  try {
    const answer = await answerOn(await opened(page, limitMs), page)
    count(tally.answers, answer.realServer)
    count(tally.pages, firstLineOf(answer.page))
    tally.receivedBytes += answer.page.length
  } catch (error) {
    count(tally.failures, failureOf(error))
  }
  tally.slowestMs = Math.max(tally.slowestMs, Math.round(performance.now() - startedMs))
}

function emptyTally(): Tally {
  return { answers: {}, pages: {}, failures: {}, receivedBytes: 0, slowestMs: 0 }
}

function count(tally: Record<string, number>, name: string): void {
  tally[name] = (tally[name] ?? 0) + 1
}

function opened({ address, port = 80 }: Page, limitMs = LIMIT_MS): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, localPort: clientPort++ })
    socket.setTimeout(limitMs, () => socket.destroy(new Error(`silence for ${limitMs} ms`)))
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

interface Answer {
  /** Which one it came from. */
  realServer: string
  /** Without its headers. */
  page: string
}

/** Anything but a whole page with status 200 is an error. */
function answerOn(socket: Socket, { address, path = '/' }: Page): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', chunk => chunks.push(chunk))
    socket.once('error', reject)
    socket.once('end', () => {
      const text = Buffer.concat(chunks).toString('latin1')
      const [head = '', page = ''] = split(text)
      const length = /^content-length: (\d+)/im.exec(head)?.[1]
      const realServer = /^real-server: (\S+)/im.exec(head)?.[1] ?? 'a server without a name'
      if (/^HTTP\/1\.\d 200 /.test(head) && Number(length) === page.length) resolve({ realServer, page })
      else reject(new Error(`no whole page: ${head.split('\r\n')[0]}, ${page.length} bytes`))
    })
    const name = address.includes(':') ? `[${address}]` : address
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)
  })
}

function split(text: string): [string, string] {
  const end = text.indexOf('\r\n\r\n')
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 4)]
}

function firstLineOf(page: string): string {
  return page.slice(0, 100).split('\n')[0] ?? ''
}

function failureOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
