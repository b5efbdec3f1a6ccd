import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'

/** What an application tells of the request that it got. */
export interface Echo {
  port: number
  method: string
  url: string
  headers: Record<string, string>
  body: string
  /** How many requests came on the same connection before. */
  earlier: number
}

export interface EchoApplication {
  /** Only needed to see a proxy without it: it also ends with the host. */
  kill(): Promise<void>
}

export const LARGE_BYTES = 20_000_000

/** An application behind a reverse proxy: `/missing` has status 404, `/large` is large, all else tells of the request. */
export async function startEchoApplication(host: Host, port: number): Promise<EchoApplication> {
  const application = host.spawn(process.execPath, ['-e', `(${serve})(${port}, ${LARGE_BYTES})`])
  await firstLine(application)
  const kill = async () => {
    application.kill('SIGKILL')
    await application
  }
  return { kill }
}

/** Runs elsewhere, by its text: so Node starts twice as fast as with a file of TypeScript. */
function serve(port: number, length: number): void {
  const { createServer } = process.getBuiltinModule('node:http')
  const earlier = new WeakMap<object, number>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers, socket } = request
      const count = earlier.get(socket) ?? 0
      earlier.set(socket, count + 1)
      response.statusCode = url === '/missing' ? 404 : 200
      if (url === '/large') return response.end(Buffer.alloc(length, 'x'))
      const body = Buffer.concat(chunks).toString()
      return response.end(JSON.stringify({ port, method, url, headers, body, earlier: count }))
    })
  })
  server.listen(port, '127.0.0.1', () => process.stdout.write('ready\n'))
}
