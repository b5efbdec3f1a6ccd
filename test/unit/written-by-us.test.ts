import { describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { DISTRIBUTIONS } from '../../agent/model/distribution.ts'
import { convergeRealServer, releaseRealServer } from '../../agent/realserver/converge.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

const VIP = '10.10.10.100' as IpAddress
const SITE = DISTRIBUTIONS.debian.webServers.nginx.site
const UNIT = 'etc/systemd/system/srv-pages.mount'
const COPIES = 'var/lib/rs-agent/replaced'
const EDIT = '# by hand\n'

const found: FoundHost = {
  links: [
    { index: 1, name: 'lo', mac: '', up: true, carrier: true, loopback: true, arp: false },
    {
      index: 2,
      name: 'eth0',
      mac: '02:00:00:00:00:02',
      up: true,
      carrier: false,
      loopback: false,
      arp: true,
    },
  ],
  addresses: [
    {
      link: 'eth0',
      address: '10.10.10.12' as IpAddress,
      prefixLength: 24,
      scope: 0,
      flags: 0,
      secondary: false,
    },
  ],
  routes: [],
  sysctls: Object.fromEntries(
    ['all', 'default', 'eth0'].flatMap(scope =>
      ['arp_ignore', 'arp_announce'].map(name => [`net/ipv4/conf/${scope}/${name}`, '0']),
    ),
  ),
  files: { 'etc/os-release': { content: 'ID=debian\n', mode: 0o644, uid: 0, gid: 0 } },
}
const wanted = wantedRealServerOf({
  vips: [VIP],
  httpd: { server: 'nginx', port: 80, root: '/srv/pages', healthPath: '/', proxy: [] },
  nfs: [{ source: '10.10.10.40:/srv/www', target: '/srv/pages', options: '' }],
  templates: {
    sysctl: readTemplate('sysctl/90-rs-agent.conf'),
    site: readTemplate('httpd/nginx.conf'),
    mount: readTemplate('nfs/rs-agent.mount'),
    automount: readTemplate('nfs/rs-agent.automount'),
  },
})
const config = { file: 'config.yaml', locate: () => 'config.yaml:1:1' } as unknown as Config
const watching = { signal: new AbortController().signal, onProgress: () => undefined }
const apply = (host: FakeHost) => convergeRealServer(host, config, wanted, watching)
const remove = (host: FakeHost) => releaseRealServer(host, watching, { packages: 'keep' })

function edit({ files }: FakeHost, path: string): string {
  const form = files.read(path) ?? expect.fail(`there is no ${path}`)
  const content = `${form.content}${EDIT}`
  files.write(path, { ...form, content })
  return content
}

/** Where the one note about the path says that the copy is. */
function copyToldOf(path: string, notes: readonly string[]): string {
  const [note = '', ...others] = notes.filter(each => each.startsWith(`/${path} was changed by hand`))
  expect(others).toEqual([])
  return /a copy in \/([^\s;]+)/.exec(note)?.[1] ?? expect.fail(`no word of ${path} in: ${notes.join('; ')}`)
}

describe.each([
  ['a site', SITE],
  ['a unit', UNIT],
])('%s that was changed by hand since apply wrote it', (_, path) => {
  it('is replaced by apply, with a copy and a word of it, once', () =>
    onFakeHost(found, {}, async host => {
      await apply(host)
      const written = host.files.readText(path)
      const edited = edit(host, path)
      const { notes } = await apply(host)
      expect(host.files.readText(path)).toBe(written)
      expect(host.files.readText(copyToldOf(path, notes))).toBe(edited)
      expect((await apply(host)).notes.join()).not.toContain('by hand')
    }))

  it('is taken away by remove, with a copy and a word of it', () =>
    onFakeHost(found, {}, async host => {
      await apply(host)
      const edited = edit(host, path)
      const { notes, leftOut } = await remove(host)
      expect(host.files.readText(path)).toBe(null)
      expect(host.files.readText(copyToldOf(path, [...notes, ...leftOut]))).toBe(edited)
    }))
})

it('keeps no copy of what nobody has changed', () =>
  onFakeHost(found, {}, async host => {
    await apply(host)
    const { notes, leftOut } = await remove(host)
    expect([...notes, ...leftOut].join()).not.toContain('by hand')
    expect(host.files.list(COPIES)).toEqual([])
  }))
