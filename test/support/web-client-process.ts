import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

const [url = '', timeoutMs = '0'] = process.argv.slice(2)

const asked = get(url, { agent: false, signal: AbortSignal.timeout(Number(timeoutMs)) })
const [response]: IncomingMessage[] = await once(asked, 'response')
if (!response) throw new Error(`no response from ${url}`)
const { statusCode: status, socket } = response
const from = socket.remoteAddress
process.stdout.write(JSON.stringify({ status, from, body: await text(response) }))
