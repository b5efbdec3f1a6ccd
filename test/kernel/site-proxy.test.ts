import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { revisionOf } from '../../agent/realserver/httpd/site.ts'
import {
  type Echo,
  type EchoApplication,
  LARGE_BYTES,
  startEchoApplication,
} from '../support/echo-application.ts'
import { Host } from '../support/host.ts'
import { KeepAliveClient, type Request, untilTraffic } from '../support/keep-alive-client.ts'
import { RIP, type SiteServer, startSite, VIP, VIP6 } from '../support/site-server.ts'

const localhost = '127.0.0.1' as IpAddress
const PORTS = [8081, 8082]

describe('the site on nginx as a reverse proxy', () => {
  const template = readTemplate('httpd/nginx-proxy.conf')
  let host: Host
  let client: KeepAliveClient
  let server: SiteServer
  let applications: EchoApplication[]

  beforeAll(async () => {
    host = await Host.boot({ name: 'web', address: RIP, number: 1 })
    await host.namespace.ip(
      ...[`${VIP}/32`, `${RIP}/32`, `${VIP6}/128`].map(each => `addr add ${each} dev lo`),
    )
    applications = await Promise.all(PORTS.map(port => startEchoApplication(host, port)))
    client = await KeepAliveClient.start(host)
    const upstreams = PORTS.map(port => ({ address: localhost, port }))
    server = await startSite(host, 'nginx', { template, site: { upstreams, healthPath: '/health?deep=1' } })
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const get = (path: string, request: Partial<Request> = {}) =>
    client.ask({ url: `http://${VIP}${path}`, ...request })

  async function echo(path: string, request: Partial<Request> = {}): Promise<Echo> {
    return JSON.parse((await get(path, request)).body)
  }

  async function whileDrained<Result>(task: () => Promise<Result>): Promise<Result> {
    writeFileSync(server.site.drainFlag, '')
    try {
      return await task()
    } finally {
      rmSync(server.site.drainFlag)
    }
  }

  it('shares the requests out between the applications, on connections that it keeps', async () => {
    const echoes: Echo[] = []
    for (let count = 0; count < 40; count++) echoes.push(await echo('/'))
    expect(new Set(echoes.map(({ port }) => port))).toEqual(new Set(PORTS))
    expect(Math.max(...echoes.map(({ earlier }) => earlier))).toBeGreaterThan(3)
  })

  it('tells the application who asked, on which name, and by which protocol', async () => {
    const { headers } = await echo('/', {
      headers: { host: 'www.example.org:8080', 'x-forwarded-for': '192.0.2.7' },
    })
    expect(headers).toMatchObject({
      host: 'www.example.org:8080',
      'x-forwarded-for': `192.0.2.7, ${VIP}`,
      'x-forwarded-proto': 'http',
    })
    expect(headers).not.toHaveProperty('connection', 'close')
  })

  it('passes on that a connection shall become a WebSocket', async () => {
    const { headers } = await echo('/', { headers: { connection: 'Upgrade', upgrade: 'websocket' } })
    expect(headers).toMatchObject({ connection: 'upgrade', upgrade: 'websocket' })
  })

  it.each<[string, string, Partial<Request>]>([
    ['a page', '/a/b?c=d&e=%26', {}],
    ['a path with escapes', '/a%2Fb//c%20d;e', {}],
    ['a form', '/form', { method: 'POST', body: 'a=b' }],
    ['a form larger than nginx takes by itself', '/form', { method: 'POST', body: 'a'.repeat(2_000_000) }],
    ['an update', '/thing', { method: 'PUT', body: '{}', headers: { 'content-type': 'application/json' } }],
    ['a removal', '/thing', { method: 'DELETE' }],
    ['options', '/thing', { method: 'OPTIONS' }],
  ])(
    'passes on %s, drained or not, and closes the connection only while drained',
    async (_, path, request) => {
      const due = { method: 'GET', body: '', ...request, url: path, headers: expect.anything() }
      const before = await get(path, request)
      expect(JSON.parse(before.body)).toMatchObject(due)
      expect(before.headers.connection).not.toBe('close')
      const drained = await whileDrained(() => get(path, request))
      expect(JSON.parse(drained.body)).toMatchObject(due)
      expect(drained.headers.connection).toBe('close')
    },
  )

  it('passes on what an application says of a page that is not there', async () => {
    expect((await get('/missing')).status).toBe(404)
    expect((await whileDrained(() => get('/missing'))).status).toBe(404)
  })

  it('asks an application whether it is ready, and answers alive itself', async () => {
    expect(await echo('/.rs-agent/ready')).toMatchObject({ method: 'GET', url: '/health?deep=1' })
    const revision = revisionOf('nginx', template, server.site)
    expect(await get('/.rs-agent/alive')).toMatchObject({ status: 200, body: `ok ${revision}\n` })
    for (const path of ['/.rs-agent/alive', '/.rs-agent/ready'])
      expect((await whileDrained(() => get(path))).status).toBe(503)
    expect((await whileDrained(() => get('/.rs-agent/alive'))).body).toBe(`drained ${revision}\n`)
  })

  it('writes down which application has answered, and not what the director asks', async () => {
    await get('/logged')
    const line = new RegExp(`^${VIP} ${VIP} .*"GET /logged HTTP/1.1" 200 .* 127.0.0.1:808[12]$`, 'm')
    await expect.poll(() => readFileSync(server.site.accessLog, 'utf8')).toMatch(line)
    expect(readFileSync(server.site.accessLog, 'utf8')).not.toContain('.rs-agent')
  })

  it('finishes a download that was under way, and loses no request of clients that keep their connections', async () => {
    const requests: Request[] = [
      { url: `http://${VIP}/` },
      { url: `http://[${VIP6}]/form`, method: 'POST', body: 'a'.repeat(20_000) },
    ]
    const download = await KeepAliveClient.start(host)
    await download.beginDownload(`http://${VIP}/large`)
    await client.start({ clients: 20, requests })
    await untilTraffic(client, ({ answers, reused }) => answers > 200 && reused > answers * 0.9)
    await whileDrained(async () => {
      await untilTraffic(client, ({ answers, reused }) => answers > 100 && reused === 0)
    })
    await untilTraffic(client, ({ answers, reused }) => answers > 200 && reused > answers * 0.9)
    expect((await client.stop()).failures).toEqual({})
    expect(await download.endDownload()).toBe(LARGE_BYTES)
  })

  it('asks the other application when one has ended, and answers alive, not ready, when both have', async () => {
    const [first, second] = applications
    await first?.kill()
    for (let count = 0; count < 10; count++) expect((await echo('/')).port).toBe(PORTS[1])
    await second?.kill()
    expect((await get('/.rs-agent/ready')).status).toBe(502)
    expect((await get('/.rs-agent/alive')).status).toBe(200)
  })
})
