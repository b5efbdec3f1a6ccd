import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { DISTRIBUTIONS } from '../../agent/model/distribution.ts'
import { SYSCTL_FILE } from '../../agent/realserver/arp-sysctl.ts'
import { convergeRealServer, releaseRealServer } from '../../agent/realserver/converge.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

const SITE = DISTRIBUTIONS.debian.webServers.nginx.site
const NIC = { name: 'eth0', mac: '02:00:00:00:00:02', up: true, carrier: false, loopback: false, arp: true }
const hostWith = (init: 'systemd' | 'none'): FoundHost => ({
  links: [
    { index: 1, name: 'lo', mac: '', up: true, carrier: true, loopback: true, arp: false },
    { index: 2, ...NIC },
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
  serving: { init } as NonNullable<FoundHost['serving']>,
})

const wanted = wantedRealServerOf({
  vips: ['10.10.10.100' as IpAddress],
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

it.each([
  ['apply', 'systemd', apply, 'etc/systemd/system/srv-pages.automount'],
  ['remove', 'systemd', remove, 'etc/systemd/system/srv-pages.mount'],
  ['remove', 'none', remove, 'etc/fstab'],
] as const)(
  'what a killed apply was writing is gone after the next %s, on a host with %s',
  (_, init, next, path) =>
    onFakeHost(hostWith(init), {}, async host => {
      host.killAt(1, 'before')
      await expect(apply(host)).rejects.toThrow(/injected/)
      expect(host.revive()).toBe(true)
      const drafts = [SITE, SYSCTL_FILE, path].map(file => {
        const folder = join(host.files.root, dirname(file))
        mkdirSync(folder, { recursive: true })
        return join(folder, `.${basename(file)}.draft`)
      })
      for (const draft of drafts) writeFileSync(draft, 'half of')
      await next(host)
      expect(drafts.filter(draft => existsSync(draft))).toEqual([])
    }),
)
