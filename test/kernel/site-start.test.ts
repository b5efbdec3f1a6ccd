import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readTemplate } from '../../agent/host/templates.ts'
import { renderSite, type WebServerKind } from '../../agent/realserver/httpd/site.ts'
import { Host } from '../support/host.ts'
import { KeepAliveClient } from '../support/keep-alive-client.ts'
import { complaintAbout, RIP, startSite, VIP, VIP6 } from '../support/site-server.ts'

const KINDS: WebServerKind[] = ['apache', 'nginx']

const hosts: Host[] = []
async function bootHost(): Promise<Host> {
  const host = await Host.boot({ name: 'web', address: RIP, number: 1 })
  hosts.push(host)
  return host
}
afterAll(() => Promise.all(hosts.map(host => host[Symbol.asyncDispose]())))

async function bindVips(host: Host): Promise<void> {
  await host.namespace.ip(`addr add ${VIP}/32 dev lo`, `addr add ${VIP6}/128 dev lo`)
}

describe.each(KINDS)('the start of the site on %s', kind => {
  it.each([
    ['the port of the other sites', { port: 80, listens: 'elsewhere' }],
    ['a port of its own', { port: 8080, listens: 'here' }],
  ] as const)('needs no VIP yet, on %s', async (_, site) => {
    const host = await bootHost()
    await startSite(host, kind, { site })
    await bindVips(host)
    const client = await KeepAliveClient.start(host)
    for (const address of [VIP, `[${VIP6}]`]) {
      const url = `http://${address}:${site.port}/.rs-agent/alive`
      expect(await client.ask({ url })).toMatchObject({ status: 200 })
    }
  })

  it('leaves the document root alone when it is asked whether it is alive, not when whether it is ready', async () => {
    const host = await bootHost()
    await bindVips(host)
    const server = await startSite(host, kind, { isTraced: true })
    const client = await KeepAliveClient.start(host)
    const { documentRoot } = server.site
    const filesAskedFor = async (path: string) => {
      const before = server.filesAsked().length
      await client.ask({ url: `http://${VIP}/.rs-agent/${path}` })
      return server.filesAsked().slice(before)
    }
    const ofAlive = await filesAskedFor('alive')
    expect(ofAlive).toContain(server.site.drainFlag)
    expect(ofAlive).not.toContain(documentRoot)
    expect(await filesAskedFor('ready')).toContain(documentRoot)
  })

  it('serves from folders, and looks for flags, whose names would be read otherwise', async () => {
    const host = await bootHost()
    await bindVips(host)
    const odd = `it's "odd"; {#} <a> & b%20 ${kind === 'nginx' ? '\\n \\' : ''}`
    const server = await startSite(host, kind, {
      site: ({ documentRoot }) => ({
        documentRoot: join(documentRoot, odd),
        drainFlag: join(documentRoot, `${odd}.flag`),
        healthPath: '/a%20page%22;%7B.txt?x=%22',
      }),
    })
    mkdirSync(server.site.documentRoot)
    writeFileSync(join(server.site.documentRoot, 'a page";{.txt'), 'here\n')
    const client = await KeepAliveClient.start(host)
    const ready = () => client.ask({ url: `http://${VIP}/.rs-agent/ready` })
    expect(await ready()).toMatchObject({ status: 200, body: 'here\n' })
    writeFileSync(server.site.drainFlag, '')
    expect((await ready()).status).toBe(503)
  })
})

// nginx has a few workers, each of which waits for one file at a time: what its template says of alive.
it('has Apache tell that it is alive while its pages hang', async () => {
  const host = await bootHost()
  await bindVips(host)
  const server = await startSite(host, 'apache', { slow: { page: 'index.html', ms: 3000 } })
  writeFileSync(join(server.site.documentRoot, 'index.html'), 'front\n')
  const [client, ...others] = await Promise.all(Array.from({ length: 9 }, () => KeepAliveClient.start(host)))
  const pages = others.map(other => other.ask({ url: `http://${VIP}/` }))
  const isWaiting = Symbol('still waiting')
  for (let count = 0; count < 20; count++)
    expect(await client?.ask({ url: `http://${VIP}/.rs-agent/alive` })).toMatchObject({ status: 200 })
  expect(await Promise.race([...pages, Promise.resolve(isWaiting)])).toBe(isWaiting)
  for (const page of pages) expect(await page).toMatchObject({ status: 200, body: 'front\n' })
})

describe('the server itself', () => {
  const templates: [WebServerKind, string][] = [
    ['apache', 'apache'],
    ['nginx', 'nginx'],
    ['nginx', 'nginx-proxy'],
  ]
  it.each(templates)('%s takes what %s.conf is rendered to', (kind, name) => {
    const upstreams = [VIP, VIP6].map(address => ({ address, port: 8080 }))
    const odd = { listens: 'here', port: 8443, upstreams, documentRoot: `/srv/"}; Listen 1 #'` } as const
    const ipv6 = { upstreams, vips: [VIP6], rips: [] } as const
    for (const special of [{ upstreams }, ipv6, odd])
      expect(
        complaintAbout(kind, site =>
          renderSite(kind, readTemplate(`httpd/${name}.conf`), { ...site, ...special }),
        ),
      ).toBeNull()
  })

  it.each(templates)('%s complains of %s.conf when a directive is wrong', (kind, name) => {
    const complaint = complaintAbout(
      kind,
      site =>
        `${renderSite(kind, readTemplate(`httpd/${name}.conf`), { ...site, upstreams: [{ address: VIP, port: 1 }] })}\nLisstn 80;\n`,
    )
    expect(complaint).toContain('Lisstn')
  })
})
