import { fileURLToPath } from 'node:url'
import type { Host } from './host.ts'

export interface Answer {
  status: number
  /** The address that the answer came from, as the client's kernel saw it. */
  from: string
  body: string
}

/** One HTTP request on a connection of its own, from inside a host. No answer within the time is an error. */
export async function request(host: Host, url: string, { timeoutMs = 2000 } = {}): Promise<Answer> {
  const program = fileURLToPath(new URL('./web-client-process.ts', import.meta.url))
  return JSON.parse(await host.run(process.execPath, [program, url, String(timeoutMs)]))
}
