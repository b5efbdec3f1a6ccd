// Asks for pages inside a host's namespace, one for each line of JSON on stdin, and answers each with a line.
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { PageRequest } from './witness.ts'

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${await ask(JSON.parse(line))}\n`)

/** `200` and the like, or why there was no answer. */
function ask({ url, from, timeoutMs }: PageRequest): Promise<string> {
  return new Promise(resolve => {
    const signal = AbortSignal.timeout(timeoutMs)
    get(url, { agent: false, localAddress: from, signal }, (response: IncomingMessage) => {
      response.resume()
      response.once('end', () => resolve(String(response.statusCode)))
    }).once('error', error => resolve(`no answer: ${'code' in error ? error.code : error.message}`))
  })
}
