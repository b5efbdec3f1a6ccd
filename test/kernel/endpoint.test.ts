import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ANY_PORT, EndpointProcess } from '../support/endpoint.ts'
import { check, directorView, keepReport, serviceView } from '../support/service-view.ts'
import { unpackedFolder } from '../support/unpacked-tools.ts'

const HEALTHY = serviceView({ director: directorView() })
const SICK = serviceView({ realServer: keepReport({ checks: [check('service-answers', 'fail')] }) })

describe('the endpoint', () => {
  let endpoint: EndpointProcess
  beforeEach(async () => {
    endpoint = await EndpointProcess.start(HEALTHY)
  })
  afterEach(async () => {
    await endpoint[Symbol.asyncDispose]()
  })

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/page.css', 'text/css; charset=utf-8'],
    ['/page.js', 'text/javascript; charset=utf-8'],
    ['/icon.svg', 'image/svg+xml'],
    ['/status.json', 'application/json'],
    ['/metrics', 'text/plain; version=0.0.4; charset=utf-8'],
    ['/healthz?from=director', 'text/plain; charset=utf-8'],
  ])('answers %s as %s, and lets nobody keep, frame or script it', async (path, type) => {
    const answer = await ask(path)
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': type, 'cache-control': 'no-store' },
    })
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' })
    const policy = String(answer.headers['content-security-policy'])
    expect(policy).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    const head = await ask(path, { method: 'HEAD' })
    expect(head).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': answer.headers['content-length'] },
    })
  })

  it('tells directors whether clients may come', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: 'ok\n' })
    endpoint.tell(SICK)
    expect(await ask('/healthz')).toMatchObject({
      status: 503,
      body: 'service-answers 10.10.10.100: fail: evidence of service-answers\n',
    })
  })

  it('tells as JSON what it knows', async () => {
    const { body } = await ask('/status.json')
    expect(JSON.parse(body)).toEqual({ ...HEALTHY, notHealthy: [] })
  })

  it('says in words that it cannot find out, and goes on', async () => {
    endpoint.failWith('the table cannot be read')
    for (const path of ['/healthz', '/status.json', '/metrics'])
      expect(await ask(path)).toMatchObject({
        status: 500,
        body: expect.stringContaining('the table cannot be read'),
      })
    endpoint.tell(HEALTHY)
    expect(await ask('/healthz')).toMatchObject({ status: 200 })
  })

  it('gives Prometheus nothing to complain of', async () => {
    const { body } = await ask('/metrics')
    const promtool = `${unpackedFolder('prometheus')}/usr/bin/promtool`
    const { exitCode, all } = await execa(promtool, ['check', 'metrics'], {
      input: body,
      all: true,
      reject: false,
    })
    expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' })
    expect(body).toContain('rs_agent_pool_real_server_weight{')
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('refuses %s', async method => {
    expect(await ask('/', { method })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  it('does not know what is not there', async () => {
    for (const path of ['/nothing', '/../../etc/passwd', '//', '/__proto__', '/constructor'])
      expect(await ask(path)).toMatchObject({ status: 404 })
  })

  it('refuses a page of somebody else whose name points here', async () => {
    expect(await ask('/status.json', { host: 'evil.example' })).toMatchObject({ status: 421 })
    expect(await ask('/status.json', { host: 'localhost:1' })).toMatchObject({ status: 200 })
  })

  it('answers a health check of HTTP/1.0 that names no host', async () => {
    expect(await say('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok\n$/s)
  })

  it('waits for no body, also when it never ends', async () => {
    expect(await say('GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\nabc')).toMatch(
      /^HTTP\/1\.1 413 /,
    )
    expect(
      await say('GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n'),
    ).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('takes no headers without an end', async () => {
    const header = `X: ${'x'.repeat(1_000)}\r\n`
    expect(await say(`GET / HTTP/1.1\r\nHost: localhost\r\n${header.repeat(100)}`)).toMatch(
      /^HTTP\/1\.1 431 /,
    )
    expect(await say(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('gives up on who sends a byte at a time', async () => {
    const socket = await open()
    const drip = setInterval(() => socket.write('x'), 100)
    try {
      expect(await say('GET / HTTP/1.1\r\nX: ', socket)).toMatch(/^HTTP\/1\.1 408 /)
    } finally {
      clearInterval(drip)
    }
    expect(await ask('/healthz')).toMatchObject({ status: 200 })
  })

  it('gives up on who does not take the answer', async () => {
    const [happening] = keepReport().history
    if (happening === undefined) throw new Error('the report has no history')
    // More than the kernel takes off its hands.
    const history = Array.from({ length: 100 }, () => ({ ...happening, message: 'x'.repeat(200_000) }))
    endpoint.tell(serviceView({ realServer: keepReport({ history }) }))
    const socket = await open()
    socket.pause().write('GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const connections = async () =>
      (await execa('ss', ['-Htn', 'state', 'established', `sport = :${endpoint.port}`])).stdout
    await expect.poll(connections).not.toBe('')
    await expect.poll(connections, { timeout: 30_000 }).toBe('')
    socket.destroy()
  })

  it('answers beside a thousand connections that say nothing', async () => {
    const idle: Socket[] = []
    try {
      for (let number = 0; number < 1_000; number++) idle.push(await open())
      expect(await ask('/healthz')).toMatchObject({ status: 200 })
      await expect.poll(() => idle.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(64)
    } finally {
      for (const socket of idle) socket.destroy()
    }
  })

  it('ends at once, whoever is connected', async () => {
    await open()
    const answered = await open()
    answered.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise(resolve => answered.once('data', resolve))
    expect(await endpoint.end()).toBe(0)
  })

  it('says who cannot listen where another process does', async () => {
    const place = { ...ANY_PORT, port: endpoint.port }
    await expect(EndpointProcess.start(HEALTHY, place)).rejects.toThrow(
      `127.0.0.1:${endpoint.port}: another process listens there`,
    )
  })

  function ask(path: string, options: AskOptions = {}): Promise<Answer> {
    return askAt({ host: '127.0.0.1', port: endpoint.port }, path, options)
  }

  /** What comes back until the other side ends it. */
  async function say(text: string, connected?: Socket): Promise<string> {
    const socket = connected ?? (await open())
    let heard = ''
    socket.on('data', chunk => {
      heard += chunk
    })
    socket.write(text)
    await endOf(socket)
    return heard
  }

  function open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(endpoint.port, '127.0.0.1', () => resolve(socket))
      // Later ones say that it was ended while something was written to it.
      socket.on('error', reject)
    })
  }
})

describe('the endpoint on a Unix socket', () => {
  let folder: string
  let socket: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rs-agent-socket-'))
    socket = join(folder, 'run/status.sock')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is for root and its group alone, and goes with its process', async () => {
    await using endpoint = await EndpointProcess.start(HEALTHY, { socket })
    expect(endpoint.address).toBe(`unix:${socket}`)
    expect(statSync(socket).mode & 0o777).toBe(0o660)
    expect(await askAt({ socketPath: socket }, '/healthz', { host: 'anything' })).toMatchObject({
      status: 200,
    })
    expect(await endpoint.end()).toBe(0)
    expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined()
  })

  it('takes the place of one that was killed', async () => {
    await using killed = await EndpointProcess.start(HEALTHY, { socket })
    await killed.end('SIGKILL')
    expect(statSync(socket).isSocket()).toBe(true)
    await using _endpoint = await EndpointProcess.start(HEALTHY, { socket })
    expect(await askAt({ socketPath: socket }, '/healthz')).toMatchObject({ status: 200 })
  })

  it('leaves one that lives', async () => {
    await using _endpoint = await EndpointProcess.start(HEALTHY, { socket })
    await expect(EndpointProcess.start(HEALTHY, { socket })).rejects.toThrow('another process listens there')
    expect(await askAt({ socketPath: socket }, '/healthz')).toMatchObject({ status: 200 })
  })

  it('leaves a file that is no socket', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'precious')
    await expect(EndpointProcess.start(HEALTHY, { socket: file })).rejects.toThrow(
      'something else than a socket',
    )
    expect(readFileSync(file, 'utf8')).toBe('precious')
  })

  it('refuses a path that the kernel would cut off', async () => {
    const long = join(folder, 'x'.repeat(120))
    await expect(EndpointProcess.start(HEALTHY, { socket: long })).rejects.toThrow('107 bytes at most')
  })
})

interface Answer {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: string
}

interface AskOptions {
  method?: string
  host?: string
}

function askAt(
  where: { host: string; port: number } | { socketPath: string },
  path: string,
  { method = 'GET', host = 'localhost' }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, path, method, agent: false, headers: { Host: host } }, answer => {
      let body = ''
      answer.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body }))
    })
    asked.on('error', reject).end()
  })
}

function endOf(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.resume().once('close', () => resolve())
  })
}
