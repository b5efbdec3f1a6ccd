import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'

/** How many bytes the page `/large` has. */
export const largePageBytes = 1_000_000

export interface WebServer {
  /** Only needed to see a host without its web server: it also ends with the host. */
  stop(): Promise<void>
}

/**
 * A web server on port 80 of a host: `/` says which host answered, `/large` is {@link largePageBytes} long.
 * It listens on every address, so that it serves the VIP from the moment it is bound.
 */
export async function startWebServer(host: Host): Promise<WebServer> {
  const program = fileURLToPath(new URL('./web-server-process.ts', import.meta.url))
  const server = host.spawn(process.execPath, [program, host.name, String(largePageBytes)])
  await firstLine(server)
  const stop = async () => {
    server.kill()
    await server
  }
  return { stop }
}
