import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTemplate } from '../../agent/host/templates.ts'
import { renderSite, revisionOf, type WebServerKind } from '../../agent/realserver/httpd/site.ts'
import { Host } from '../support/host.ts'
import { KeepAliveClient, type Request, untilTraffic } from '../support/keep-alive-client.ts'
import { OTHER_PAGE, RIP, type SiteServer, startSite, VIP, VIP6 } from '../support/site-server.ts'

const LARGE_BYTES = 20_000_000
const OTHER = '10.10.10.77'

describe.each<WebServerKind>(['apache', 'nginx'])('the site on %s', kind => {
  let host: Host
  let client: KeepAliveClient
  let server: SiteServer

  beforeAll(async () => {
    host = await bootHost()
    client = await KeepAliveClient.start(host)
    server = await startSite(host, kind)
    writePages(server.site.documentRoot)
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const get = (path: string, request: Partial<Request> = {}) =>
    client.ask({ url: `http://${VIP}${path}`, ...request })

  async function whileDrained<Result>(task: () => Promise<Result>): Promise<Result> {
    writeFileSync(server.site.drainFlag, '')
    try {
      return await task()
    } finally {
      rmSync(server.site.drainFlag)
    }
  }

  it.each([VIP, `[${VIP6}]`, RIP])('serves the document root on %s', async address => {
    expect(await client.ask({ url: `http://${address}/` })).toMatchObject({ status: 200, body: 'front\n' })
  })

  it("leaves the host's other addresses to its other sites", async () => {
    expect(await client.ask({ url: `http://${OTHER}/` })).toMatchObject({ status: 200, body: OTHER_PAGE })
    expect((await client.ask({ url: `http://${OTHER}/.rs-agent/alive` })).status).toBe(404)
  })

  it('answers alive with the revision of the very configuration that is loaded', async () => {
    const revision = revisionOf(kind, readTemplate(`httpd/${kind}.conf`), server.site)
    expect(await get('/.rs-agent/alive')).toMatchObject({ status: 200, body: `ok ${revision}\n` })
  })

  it('answers ready with the page, and with 404 while it is not there', async () => {
    expect(await get('/.rs-agent/ready')).toMatchObject({ status: 200, body: 'front\n' })
    const page = join(server.site.documentRoot, 'index.html')
    rmSync(page)
    try {
      expect((await get('/.rs-agent/ready')).status).not.toBe(200)
      expect((await get('/.rs-agent/alive')).status).toBe(200)
    } finally {
      writeFileSync(page, 'front\n')
    }
  })

  it('answers both to HEAD and with a query, and nothing else below /.rs-agent', async () => {
    for (const path of ['/.rs-agent/alive', '/.rs-agent/ready']) {
      expect(await get(path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
      expect((await get(`${path}?from=director`)).status).toBe(200)
    }
    expect((await get('/.rs-agent/other')).status).toBe(404)
    expect((await get('/.rs-agent/')).status).toBe(404)
  })

  it('tells its revision while it is drained as well', async () => {
    const revision = revisionOf(kind, readTemplate(`httpd/${kind}.conf`), server.site)
    expect((await whileDrained(() => get('/.rs-agent/alive'))).body).toBe(`drained ${revision}\n`)
  })

  it('answers both with 503 while the host is drained, without a reload', async () => {
    const paths = ['/.rs-agent/alive', '/.rs-agent/ready', '/.rs-agent/alive?x=1', '/.rs-agent/ready?x=1']
    for (const path of paths)
      for (const method of ['GET', 'HEAD'])
        expect(await whileDrained(() => get(path, { method }))).toMatchObject({
          status: 503,
          headers: { connection: 'close' },
        })
    for (const path of paths) expect((await get(path)).status).toBe(200)
  })

  it.each<[string, string, Partial<Request>]>([
    ['a page', '/page.txt', {}],
    ['the front page', '/', {}],
    ['a page with a query', '/page.txt?a=b', {}],
    ['the head of a page', '/page.txt', { method: 'HEAD' }],
    ['a part of a page', '/page.txt', { headers: { range: 'bytes=1-2' } }],
    ['a part that is not there', '/page.txt', { headers: { range: 'bytes=1000-' } }],
    ['a page that is not new', '/page.txt', { headers: { 'if-modified-since': new Date().toUTCString() } }],
    ["a folder's index page", '/sub/deep/', {}],
    ['a folder without the slash', '/sub', {}],
    ['a folder without an index page', '/bare/', {}],
    ['a page that is not there', '/missing', {}],
    ['a hidden file', '/.htaccess', {}],
    ['a page with a space in its name', '/a%20page.txt', {}],
    ['a form', '/page.txt', { method: 'POST', body: 'a=b' }],
    ['a method that nobody knows', '/page.txt', { method: 'DELETE' }],
  ])('serves %s as always while drained, and closes the connection behind it', async (_, path, request) => {
    const before = await get(path, request)
    const drained = await whileDrained(() => get(path, request))
    expect({ ...drained, headers: steady(drained.headers) }).toEqual({
      ...before,
      headers: steady(before.headers),
    })
    expect(drained.headers.connection).toBe('close')
  })

  it('keeps the connections of clients while it is not drained', async () => {
    for (const path of ['/', '/page.txt', '/sub/deep/', '/missing'])
      expect((await get(path)).headers.connection).not.toBe('close')
  })

  it('lists no folder, and hides .ht files', async () => {
    expect((await get('/bare/')).status).toBe(403)
    expect((await get('/.htaccess')).status).toBe(403)
  })

  it('writes down the address that was asked, and not what the director asks', async () => {
    await get('/page.txt?logged')
    const line = new RegExp(`^${VIP} ${VIP} .*"GET /page.txt\\?logged HTTP/1.1" 200 6 `, 'm')
    await expect.poll(() => readFileSync(server.site.accessLog, 'utf8')).toMatch(line)
    expect(readFileSync(server.site.accessLog, 'utf8')).not.toContain('.rs-agent')
  })

  it('finishes a download that was under way, and loses no request of clients that keep their connections', async () => {
    const requests = ['/', '/page.txt', '/sub/deep/', '/100kB'].map(path => ({ url: `http://${VIP}${path}` }))
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

  // The last one: the server is another one afterwards.
  it('answers with another revision once it has loaded another configuration', async () => {
    const template = readTemplate(`httpd/${kind}.conf`)
    const changed = { ...server.site, healthPath: '/sub/' }
    const revision = revisionOf(kind, template, changed)
    server.reload(renderSite(kind, template, changed))
    await expect.poll(async () => (await get('/.rs-agent/alive')).body).toBe(`ok ${revision}\n`)
    // The processes from before answer a little longer.
    await expect.poll(async () => (await get('/.rs-agent/ready')).body).toBe('subpage\n')
  })
})

async function bootHost(): Promise<Host> {
  const host = await Host.boot({ name: 'web', address: RIP, number: 1 })
  const addresses = [`${VIP}/32`, `${RIP}/32`, `${OTHER}/32`, `${VIP6}/128`]
  await host.namespace.ip(...addresses.map(address => `addr add ${address} dev lo`))
  return host
}

function writePages(root: string): void {
  for (const folder of ['sub/deep', 'bare']) mkdirSync(join(root, folder), { recursive: true })
  const pages: Record<string, string> = {
    'index.html': 'front\n',
    'sub/index.html': 'subpage\n',
    'sub/deep/index.html': 'deep\n',
    'page.txt': 'page.\n',
    'a page.txt': 'spaced\n',
    '.htaccess': 'hidden\n',
    '100kB': 'x'.repeat(100_000),
    large: 'x'.repeat(LARGE_BYTES),
  }
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(root, name), text)
}

/** The headers that do not differ from one moment to the next, nor by what ends the answer: its length or the connection. */
function steady(headers: Record<string, string>): Record<string, string> {
  const passing = ['date', 'connection', 'keep-alive', 'transfer-encoding']
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !passing.includes(name)))
}
