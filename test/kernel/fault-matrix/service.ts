import { setTimeout as sleep } from 'node:timers/promises'
import type { Row, Site } from '../../support/fault-row.ts'
import { firstLine } from '../../support/first-line.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import { startWebServer, type WebServerOptions } from '../../support/web-server.ts'

const { vip, server } = IPV4

/** Another web server in the place of the healthy one. */
function serveBy(options: WebServerOptions) {
  return async ({ server, web }: Site) => {
    await web.stop()
    await startWebServer(server, options)
  }
}

/** A listener with room for one connection, which is taken. */
async function fillQueue({ server, web }: Site): Promise<void> {
  await web.stop()
  const program = `
    const net = require('node:net')
    const listener = net.createServer({ pauseOnConnect: true }).listen({ port: 80, host: '${vip}', backlog: 1 }, () => {
      console.log('ready')
      process.kill(process.pid, 'SIGSTOP')
    })`
  await firstLine(server.spawn(process.execPath, ['-e', program]))
  for (let connection = 0; connection < 4; connection++)
    server.spawn(process.execPath, ['-e', `require('node:net').connect(80, '${vip}').on('error', () => {})`])
  // Not by expect.poll, which does not know whose it is where tests run side by side.
  while (!/LISTEN +2 +1 /.test(await server.run('ss', ['-Hltn', 'sport = :80']))) await sleep(20)
}

/** A web server that takes connections of one NIC alone, as systemd's BindToDevice= makes it. */
function serveOn(nic: string) {
  return async ({ server, web }: Site) => {
    await web.stop()
    const program = `
      use Socket; $| = 1;
      socket(S, PF_INET, SOCK_STREAM, 0) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1)
        && setsockopt(S, SOL_SOCKET, 25, "${nic}\\0") && bind(S, sockaddr_in(80, INADDR_ANY)) && listen(S, 9)
        && print "ready\\n" or die $!;
      while (accept(C, S)) { sysread C, $_, 4096; syswrite C, "HTTP/1.0 200 OK\\r\\n\\r\\nrs\\n"; close C }`
    await firstLine(server.spawn('perl', ['-e', program]))
  }
}

const http = { type: 'http', port: 80, path: '/', status: 200, body: 'rs', timeout: '1s' }

/** What answers on the port, if anything does. */
export const serviceRows: Row[] = [
  {
    name: 'the web server takes connections of the NIC alone, and so none of this host itself',
    fault: serveOn('eth0'),
    verify: { unknown: { 'service-answers': /ECONNREFUSED.*SO_BINDTODEVICE/ } },
  },
  {
    name: 'the web server takes connections of lo alone',
    fault: serveOn('lo'),
    verify: { fail: { datapath: /another NIC alone/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'nothing listens on port 80',
    fault: ({ web }) => web.stop(),
    verify: { fail: { datapath: /nothing listens/, 'service-answers': /refused/i } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the web server listens on the RIP alone',
    fault: serveBy({ listen: server }),
    verify: {
      fail: { datapath: /nothing listens.*10\.10\.10\.12/, 'service-answers': /refused/i },
    },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the web server listens on the VIP alone',
    fault: serveBy({ listen: vip }),
    verify: {},
  },
  {
    name: 'the web server answers 503',
    fault: serveBy({ status: 503 }),
    verify: { fail: { 'service-answers': /status 503/ } },
    seen: { byClients: '503' },
  },
  {
    name: 'the web server answers 404 where the configuration wants 404',
    config: { vips: [{ address: vip, ports: ['80/tcp'], check: { type: 'http', port: 80, status: 404 } }] },
    fault: serveBy({ status: 404 }),
    verify: {},
    seen: { byClients: '404' },
  },
  {
    name: 'the page is another one than the configuration wants',
    config: { vips: [{ address: vip, ports: ['80/tcp'], check: http }] },
    fault: serveBy({ body: 'It works!\n' }),
    verify: { fail: { 'service-answers': /body/ } },
  },
  {
    name: 'the page is the one that the configuration wants',
    config: { vips: [{ address: vip, ports: ['80/tcp'], check: http }] },
    verify: {},
  },
  {
    name: 'the web server takes connections and never answers',
    config: { vips: [{ address: vip, ports: ['80/tcp'], check: http }] },
    fault: serveBy({ isMute: true }),
    verify: { fail: { 'service-answers': /time|within|no answer/ } },
    seen: { byClients: 'nothing' },
  },
  {
    // The kernel takes no SYN while the queue of connections that nobody accepted is full.
    name: 'the web server accepts no connection any more, and its queue is full',
    fault: fillQueue,
    verify: { fail: { datapath: /queue|backlog|accept/, 'service-answers': /time/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the second of two ports has no listener',
    config: { vips: [{ address: vip, ports: ['80/tcp', '443/tcp'] }] },
    verify: {
      fail: {
        [`datapath ${vip}:443`]: /nothing listens/,
        [`service-answers https://${vip}/`]: /refused/i,
      },
    },
  },
  {
    name: 'the port is not one of TCP',
    config: { vips: [{ address: vip, ports: ['53/udp'] }] },
    verify: { skipped: { datapath: /handshake|TCP/, 'service-answers': /./ } },
  },
]
