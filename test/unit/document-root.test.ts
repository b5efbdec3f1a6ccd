import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../../agent/model/address.ts'
import { DISTRIBUTIONS } from '../../agent/model/distribution.ts'
import type { WantedShare, WantedWebServer } from '../../agent/realserver/desired.ts'
import { rootRefusals } from '../../agent/realserver/httpd/root.ts'
import { servingInterest, tellOfServing } from '../../agent/realserver/serving.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import type { FoundServing } from '../../agent/reconcile/found-serving.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

const application = { address: '127.0.0.1' as IpAddress, port: 8080 }

function wanted(root: string, changes: { proxy?: WantedWebServer['proxy']; nfs?: WantedShare[] } = {}) {
  const { proxy = [], nfs = [] } = changes
  const httpd = { server: 'nginx', port: 80, root, healthPath: '/', proxy } as const
  return wantedRealServerOf({ vips: ['10.10.10.100' as IpAddress], httpd, nfs })
}

describe('a document root', () => {
  it.each(
    '/ /etc /etc/ssl /proc /proc/1 /sys/kernel /dev/shm /root /root/.ssh /var /var/lib /var/lib/rs-agent/x /usr /tmp'.split(
      ' ',
    ),
  )('is not %s, where clients would read what is this host’s own', root => {
    expect(rootRefusals(wanted(root))).toEqual([
      {
        path: ['realServer', 'httpd', 'root'],
        why: `${root} is no place for pages: every client could read this host's own files`,
        hint: expect.stringContaining('/var/www/html'),
      },
    ])
  })

  it.each([
    '/var/www/html',
    '/srv/www',
    '/usr/share/nginx/html',
    '/var/lib/wordpress',
    '/etcetera',
    '/home/www',
  ])('may be %s', root => expect(rootRefusals(wanted(root))).toEqual([]))

  it('does not matter where an application answers', () => {
    expect(rootRefusals(wanted('/etc', { proxy: [application] }))).toEqual([])
  })
})

describe('a document root that is not there', () => {
  const state = { vips: [], priors: [] } as unknown as Parameters<typeof servingInterest>[1]
  const note = (root: string) =>
    `${root} does not exist yet: every page is 404 until somebody puts pages there`
  const installed = {
    enabled: true,
    running: true,
    site: null,
    portTakenBy: [],
    isMasked: false,
    isThere: true,
  }

  function told(from: ReturnType<typeof wanted>, special: Partial<FoundServing> = {}): string[] {
    const serving: FoundServing = {
      mounts: [],
      folders: {},
      bootUnits: [],
      fstabLines: {},
      webServers: { nginx: { ...installed, listens: [{ address: null, port: 80 }] } },
      distribution: DISTRIBUTIONS.debian,
      init: 'systemd',
      ...special,
    }
    const found: FoundHost = { links: [], addresses: [], routes: [], sysctls: {}, files: {}, serving }
    return tellOfServing(from, found).filter(line => line.includes('404'))
  }

  it('is told of, unless a share or a package makes it, or nothing is read from it', () => {
    expect(servingInterest(wanted('/srv/www'), state).serving?.folders).toEqual(['/srv/www'])
    expect(told(wanted('/srv/www'))).toEqual([note('/srv/www')])
    expect(told(wanted('/srv/www'), { folders: { '/srv/www': { kind: 'folder', entries: [] } } })).toEqual([])
    const nfs = [{ source: '10.10.10.40:/www', target: '/srv', options: '' }]
    expect(told(wanted('/srv/www', { nfs }))).toEqual([])
    expect(told(wanted('/srv/www', { proxy: [application] }))).toEqual([])
    const missing = { webServers: { nginx: { ...installed, listens: [] } } }
    expect(told(wanted('/var/www/html'), missing)).toEqual([])
    expect(told(wanted('/srv/www'), missing)).toEqual([note('/srv/www')])
    expect(told(wanted('/var/www/html'))).toEqual([note('/var/www/html')])
  })
})
