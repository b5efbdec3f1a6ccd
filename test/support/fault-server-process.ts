/**
 * A server that does wrong in every way there is, by the path that it is asked for. HTTP on port 80, HTTPS on 443, on
 * 444 with a certificate that expired, and on 445 with one that ends soon; on 81 it resets whoever connects, on 82 it
 * says what is no TLS; on 83 it accepts nobody. Prints `ready`. The folder of the certificates is its argument.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

const PIECE = Buffer.alloc(64 * 1024, 'x')
const ok = (body: string, fields = '') =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields}\r\n${body}`

const ANSWERS: Record<string, (socket: Socket, request: string) => void> = {
  '/': socket => socket.end(ok('it works\n')),
  '/echo': (socket, request) => socket.end(ok(request)),
  '/kept-open': socket => socket.write(ok('it works\n')),
  '/hang': () => {},
  '/slow': socket => slowly(socket, ok('it works\n'), 200),
  '/slow-body': socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')
    slowly(socket, 'it works\n', 200)
  },
  '/in-bytes': socket => slowly(socket, ok('it works\n'), 1),
  '/close': socket => socket.end(),
  '/close-in-head': socket => socket.end('HTTP/1.1 200 OK\r\nContent-'),
  '/close-in-body': socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nit'),
  '/reset': socket => socket.resetAndDestroy(),
  '/gigabyte': socket => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1e9}\r\n\r\n`)
    endless(socket, PIECE)
  },
  '/endless-head': socket => {
    socket.write('HTTP/1.1 200 OK\r\n')
    endless(socket, Buffer.from('X-Field: value\r\n'.repeat(64)))
  },
  '/endless-line': socket => {
    socket.write('HTTP/1.1 200 OK\r\nX: ')
    endless(socket, PIECE)
  },
  '/endless-interim': socket => endless(socket, Buffer.from('HTTP/1.1 102 Processing\r\n\r\n'.repeat(64))),
  '/503': socket => socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'),
  '/302': socket => socket.end('HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n'),
  '/404': socket => socket.end('HTTP/1.1 404 Not Found\r\n\r\nnothing here'),
  '/interim': socket => socket.end(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('it works\n')}`),
  '/chunked': socket =>
    socket.end(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nit \r\n5;x=y\r\nworks\r\n0\r\n\r\n',
    ),
  '/old': socket => socket.end('HTTP/1.0 200 OK\n\nit works\n'),
  '/ssh': socket => socket.end('SSH-2.0-OpenSSH_9.9\r\n'),
}

const folder = process.argv[2] ?? ''
const servers: [number, Server][] = [
  [80, createServer(converse)],
  [81, createServer(socket => socket.resetAndDestroy())],
  [82, createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  [83, createServer()],
  [443, createTlsServer(certificate('good'), converse)],
  [444, createTlsServer(certificate('expired'), converse)],
  [445, createTlsServer(certificate('ending'), converse)],
]
for (const [port, server] of servers)
  await new Promise<void>(resolve => server.listen({ port, host: '::', backlog: 1024 }, resolve))
process.stdout.write('ready\n')

function certificate(name: string) {
  return { key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/${name}.pem`) }
}

function converse(socket: Socket): void {
  socket.on('error', () => {})
  socket.once('data', (bytes: Buffer) => {
    const request = bytes.toString('latin1')
    const [, path = ''] = request.split(' ')
    const say = ANSWERS[path]
    if (say === undefined) socket.end('HTTP/1.1 500 Unknown\r\n\r\n')
    else say(socket, request)
  })
}

function slowly(socket: Socket, text: string, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => {
    if (at === text.length) socket.end()
    if (at === text.length || socket.destroyed) clearInterval(timer)
    else socket.write(text.charAt(at++))
  }, everyMs)
}

function endless(socket: Socket, piece: Buffer): void {
  const pour = (): void => {
    while (!socket.destroyed && socket.write(piece)) {}
  }
  socket.on('drain', pour)
  pour()
}
