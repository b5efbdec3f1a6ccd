// Asks web servers inside a host's namespace: an order on each line of stdin as JSON, and one line for its answer.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request as open } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, KeepAliveOrder, Load, Request, Traffic } from './keep-alive-client.ts'

const LIMIT_MS = 20_000

let isStopped = true
let traffic = noTraffic()
let underWay: Promise<unknown> = Promise.resolve()
let download: IncomingMessage | undefined

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify((await obey(JSON.parse(line))) ?? null)}\n`)

async function obey(order: KeepAliveOrder): Promise<unknown> {
  switch (order.order) {
    case 'ask':
      return askOnce(order.request)
    case 'start':
      isStopped = false
      traffic = noTraffic()
      underWay = Promise.all(Array.from({ length: order.clients }, () => askOnAndOn(order)))
      return
    case 'look':
      return sinceLastLook()
    case 'stop':
      isStopped = true
      await underWay
      return sinceLastLook()
    case 'begin-download':
      download = await responseTo({ url: order.url }, new Agent())
      await once(download, 'readable')
      return
    case 'end-download':
      if (download === undefined) throw new Error('no download was begun')
      return lengthOf(download)
    default:
      return order satisfies never
  }
}

function noTraffic(): Traffic {
  return { answers: 0, reused: 0, failures: {} }
}

function sinceLastLook(): Traffic {
  const seen = traffic
  traffic = noTraffic()
  return seen
}

async function askOnAndOn({ requests }: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let index = 0; !isStopped; index++) {
    const request = requests[index % requests.length] as Request
    try {
      const { status } = await ask(request, agent)
      if (status === 200) traffic.answers++
      else fail(`status ${status}`)
    } catch (error) {
      fail(error instanceof Error && 'code' in error ? String(error.code) : String(error))
    }
    // The server shall have time for others, and a connection shall lie idle now and then.
    await sleep(5)
  }
  agent.destroy()
}

function fail(why: string): void {
  traffic.failures[why] = (traffic.failures[why] ?? 0) + 1
}

/** The server may keep the connection; this client does not. */
async function askOnce(request: Request): Promise<Answer> {
  const agent = new Agent({ keepAlive: true })
  try {
    return await ask(request, agent)
  } finally {
    agent.destroy()
  }
}

/** A body that ends too early is an error. */
async function ask(request: Request, agent: Agent): Promise<Answer> {
  const response = await responseTo(request, agent)
  const body = await text(response)
  const headers = response.headers as Record<string, string>
  return { status: response.statusCode ?? 0, headers, body }
}

async function responseTo(
  { url, method = 'GET', headers = {}, body }: Request,
  agent: Agent,
): Promise<IncomingMessage> {
  const asked = open(url, { method, headers, agent, signal: AbortSignal.timeout(LIMIT_MS) })
  asked.once('socket', () => {
    if (asked.reusedSocket) traffic.reused++
  })
  asked.end(body)
  const [response] = await once(asked, 'response')
  return response
}

async function lengthOf(response: IncomingMessage): Promise<number> {
  let length = 0
  for await (const chunk of response) length += chunk.length
  return length
}
