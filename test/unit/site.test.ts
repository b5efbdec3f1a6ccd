import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { renderSite, revisionOf, type Site, type WebServerKind } from '../../agent/realserver/httpd/site.ts'
import { readApache, readNginx } from '../support/config-readers.ts'

const vip = '10.10.10.100' as IpAddress
const site: Site = {
  vips: [vip, 'fd00::100' as IpAddress],
  rips: ['10.10.10.12' as IpAddress, vip],
  port: 80,
  listens: 'elsewhere',
  documentRoot: '/var/www/html',
  healthPath: '/',
  upstreams: [{ address: '127.0.0.1' as IpAddress, port: 8080 }],
  drainFlag: '/etc/rs-agent/drained',
  accessLog: '/var/log/apache2/rs-agent_access.log',
}

const templates: [name: string, kind: WebServerKind][] = [
  ['apache', 'apache'],
  ['nginx', 'nginx'],
  ['nginx-proxy', 'nginx'],
]

describe.each(templates)('the template %s.conf', (name, kind) => {
  const template = readTemplate(`httpd/${name}.conf`)
  const read = kind === 'apache' ? readApache : readNginx
  const directives = (special: Partial<Site>) => read(renderSite(kind, template, { ...site, ...special }))
  const text = (special: Partial<Site>) =>
    directives(special)
      .map(words => words.join(' '))
      .join('\n')

  it('binds the site to every VIP and to the addresses of the host, each once', () => {
    const sockets = ['10.10.10.100:80', '[fd00::100]:80', '10.10.10.12:80']
    const due =
      kind === 'apache' ? [`<VirtualHost ${sockets.join(' ')} >`] : sockets.map(each => `listen ${each}`)
    const found = directives({}).filter(([first]) => first === 'listen' || first === '<VirtualHost')
    expect(found.map(words => words.join(' '))).toEqual(due)
  })

  it('listens on every address where nothing else makes the server do so', () => {
    const wildcard = kind === 'apache' ? 'Listen 8080' : 'listen 8080\n'
    expect(text({ port: 8080 })).not.toContain(wildcard)
    expect(text({ port: 8080, listens: 'here' })).toContain(wildcard)
  })

  it('asks the kernel for no IPv6 where there is no such address', () => {
    expect(text({ vips: [vip], listens: 'here' })).not.toContain('[::]')
  })

  it('has no directive more or less, whatever the paths are', () => {
    const usual = directives({})
    const path = fc.string({ unit: 'grapheme' }).map(each => `/${each}`)
    const odd = fc.constantFrom(
      '/"; x {',
      '/a\\',
      "/'",
      '/#',
      '/<b>',
      '/\u0024{x}',
      '/$x',
      '/%{x}',
      '/\n',
      '/a b',
      '/}',
    )
    const paths = fc.oneof(path, odd)
    let rendered = 0
    fc.assert(
      fc.property(paths, paths, paths, paths, (documentRoot, healthPath, drainFlag, accessLog) => {
        try {
          const found = directives({ documentRoot, healthPath, drainFlag, accessLog })
          expect(found.map(words => words.length)).toEqual(usual.map(words => words.length))
          rendered++
        } catch (error) {
          expect(error).toMatchObject({ code: 'config-invalid' })
        }
      }),
      { numRuns: 500 },
    )
    expect(rendered).toBeGreaterThan(20)
  })

  it('has a revision of its own for every site and every template', () => {
    const revision = revisionOf(kind, template, site)
    expect(revision).toMatch(/^[0-9a-f]{12}$/)
    expect(renderSite(kind, template, site)).toContain(`"${revision}"`)
    expect(revisionOf(kind, template, { ...site })).toBe(revision)
    expect(revisionOf(kind, `${template}# more\n`, site)).not.toBe(revision)
    const others: Partial<Site>[] = [{ port: 81 }, { healthPath: '/x' }, { drainFlag: '/x' }, { rips: [] }]
    for (const other of others) expect(revisionOf(kind, template, { ...site, ...other })).not.toBe(revision)
  })

  it('asks for the page of the health path as a browser would', () => {
    const page = (healthPath: string) =>
      directives({ healthPath }).find(([first]) => first === 'FallbackResource' || first === 'rewrite')
    expect(page('/a/../b?c=d')).toContain('/b?c=d')
    expect(page('/%61%20b')).toContain(kind === 'apache' ? '/%61%20b' : '/a b')
  })

  it.each<[string, Partial<Site>]>([
    ['a document root that is not absolute', { documentRoot: 'www' }],
    ['a drain flag that is not absolute', { drainFlag: '' }],
    ['a health path that is another host', { healthPath: '.example.org/' }],
    ['a health path that is another port', { healthPath: ':80/' }],
  ])('is not rendered with %s', (_, special) => {
    expect(() => directives(special)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })
})

it('refuses what only Apache, or only nginx, would read as something else', () => {
  const render = (kind: WebServerKind, special: Partial<Site>) =>
    renderSite(kind, readTemplate(`httpd/${kind}.conf`), { ...site, ...special })
  expect(() => render('apache', { documentRoot: '/srv/*' })).toThrow('for a pattern')
  expect(() => render('apache', { drainFlag: '/x$1' })).toThrow('would replace a part')
  for (const healthPath of ['/a%3Fb', '/%2e%2e%2fetc', '/a%2F..%2Fb', '/%ff'])
    expect(() => render('nginx', { healthPath })).toThrow('healthPath')
})
