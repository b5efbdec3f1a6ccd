import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'

/** How many bytes the page `/large` has. */
export const largePageBytes = 1_000_000

export interface WebServerOptions {
  /** Every IPv4 address unless told, so that it serves a VIP from the moment it is bound; `::` is both families. */
  listen?: string
  /** 200 unless told. */
  status?: number
  /** The name of the host and a line feed, unless told. */
  body?: string
  /** Takes connections and requests, and never answers. */
  isMute?: boolean
}

interface WebServerPlan extends Required<WebServerOptions> {
  largePageBytes: number
}

export interface WebServer {
  /** Only needed to see a host without its web server: it also ends with the host. */
  stop(): Promise<void>
}

/** A web server on port 80 of a host: `/` says which host answered, `/large` is {@link largePageBytes} long. */
export async function startWebServer(host: Host, options: WebServerOptions = {}): Promise<WebServer> {
  const [command = '', ...args] = webServerCommand({ body: `${host.name}\n`, ...options })
  const server = host.spawn(command, args)
  await firstLine(server)
  const stop = async () => {
    server.kill()
    await server
  }
  return { stop }
}

/** For those who start it elsewhere than on a host. It prints `ready`, and serves until it is killed. */
export function webServerCommand(options: WebServerOptions): string[] {
  const usual = { listen: '0.0.0.0', status: 200, body: 'nobody\n', isMute: false }
  const plan: WebServerPlan = { ...usual, ...options, largePageBytes }
  return [process.execPath, '-e', `(${serve})(${JSON.stringify(plan)})`]
}

/** Runs elsewhere, by its text: so Node starts twice as fast as with a file of TypeScript, and there are hundreds. */
function serve(plan: WebServerPlan): void {
  const { createServer } = process.getBuiltinModule('node:http')
  const largePage = Buffer.alloc(plan.largePageBytes, 'x')
  const server = createServer((request, response) => {
    if (plan.isMute) return
    response.statusCode = plan.status
    response.setHeader('connection', 'close')
    response.end(request.url === '/large' ? largePage : plan.body)
  })
  server.listen(80, plan.listen, () => process.stdout.write('ready\n'))
}
