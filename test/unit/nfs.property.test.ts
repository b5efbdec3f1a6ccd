import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import type { AgentError } from '../../agent/errors.ts'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { convergeRealServer, releaseRealServer } from '../../agent/realserver/converge.ts'
import type { WantedShare } from '../../agent/realserver/desired.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

const VIP = '10.10.10.100' as IpAddress
const NIC = { name: 'eth0', mac: '02:00:00:00:00:01', up: true, carrier: false, loopback: false, arp: true }
const SILENT = Object.fromEntries(
  ['all', 'eth0'].flatMap(scope => [
    [`net/ipv4/conf/${scope}/arp_ignore`, '1'],
    [`net/ipv4/conf/${scope}/arp_announce`, '2'],
  ]),
)
const text = (content: string) => ({ content, mode: 0o644, uid: 0, gid: 0 })
const FSTAB = 'UUID=1 / ext4 errors=remount-ro 0 1\n'

/** With systemd or without, and with folders, files in them and lines of others here and there. */
const found: fc.Arbitrary<FoundHost> = fc
  .record({
    init: fc.constantFrom('systemd' as const, 'systemd without automounts' as const, 'none' as const),
    files: fc.subarray(['var/www/html/index.html', 'srv/pages/.keep', 'etc/systemd/system/other.mount']),
    fstab: fc.constantFrom(null, '', FSTAB, `${FSTAB}10.9.9.9:/x /mnt/x nfs ro 0 0`),
  })
  .map(({ init, files, fstab }) => ({
    links: [
      { index: 1, name: 'lo', mac: '', up: true, carrier: true, loopback: true, arp: false },
      { index: 2, ...NIC },
    ],
    addresses: [],
    routes: [],
    sysctls: { ...SILENT, 'net/ipv6/conf/lo/disable_ipv6': '0' },
    files: {
      'etc/os-release': text('ID=debian\n'),
      'var/log/syslog': text(''),
      ...Object.fromEntries(files.map(path => [path, text('of others')])),
      ...(fstab === null ? {} : { 'etc/fstab': text(fstab) }),
    },
    serving: { init } as NonNullable<FoundHost['serving']>,
  }))

const SHARES: WantedShare[] = [
  { source: '10.10.10.40:/srv/www', target: '/var/www/html', options: '' },
  { source: '10.10.10.40:/srv/pages', target: '/srv/pages', options: 'rw,vers=4' },
  { source: '[2001:db8::40]:/srv', target: '/srv/our pages/2026-11', options: 'vers=3' },
]
const templates = {
  sysctl: readTemplate('sysctl/90-rs-agent.conf'),
  site: '',
  mount: readTemplate('nfs/rs-agent.mount'),
  automount: readTemplate('nfs/rs-agent.automount'),
}
const wanted = fc
  .subarray(SHARES, { minLength: 1 })
  .map(nfs => wantedRealServerOf({ vips: [VIP], nfs, templates }))

const config = { file: 'config.yaml', locate: () => 'config.yaml:1:1' } as unknown as Config
const watching = { signal: new AbortController().signal, onProgress: () => undefined }

/** Everything: the kernel's, and each file and folder but rs-agent's memory. */
function everythingOn(host: FakeHost): unknown {
  const names = readdirSync(host.files.root, { recursive: true, encoding: 'utf8' })
  const paths = names.filter(name => !name.startsWith('var/lib') && !name.startsWith('etc/sysctl.d')).sort()
  return {
    ...host.snapshot(),
    // What a folder of files needs comes with the first of them.
    paths: paths.filter(path => !['etc/systemd', 'etc/systemd/system', 'etc'].includes(path)),
    texts: paths.map(path => host.files.readText(path)).filter(content => content !== null),
  }
}

function failureOf(run: Promise<unknown>): Promise<AgentError | null> {
  return run.then(
    () => null,
    (error: AgentError) => error,
  )
}

/** More than there are steps: then nothing fails, and nothing is asked. */
const faults = fc.record({ step: fc.integer({ min: 1, max: 24 }), when: fc.constantFrom('before', 'after') })
const onHost = (found: FoundHost, work: (host: FakeHost) => Promise<void>): Promise<void> =>
  onFakeHost(found, {}, work)

describe('a real server with shares', () => {
  it('has nothing left for a second apply, and remove puts back exactly what was there', async () => {
    await fc.assert(
      fc.asyncProperty(found, wanted, (found, wanted) =>
        onHost(found, async host => {
          const before = everythingOn(host)
          await convergeRealServer(host, config, wanted, watching)
          expect(
            host.mounts
              .list()
              .map(({ target }) => target)
              .sort(),
          ).toEqual(wanted.nfs.map(({ target }) => target).sort())
          expect((await convergeRealServer(host, config, wanted, watching)).steps).toEqual([])
          await releaseRealServer(host, watching, { packages: 'keep' })
          expect(everythingOn(host)).toEqual(before)
        }),
      ),
    )
  })

  it('is as before when any one step of an apply fails', async () => {
    await fc.assert(
      fc.asyncProperty(found, wanted, faults, (found, wanted, { step, when }) =>
        onHost(found, async host => {
          const before = everythingOn(host)
          host.failAt(step, when as 'before' | 'after')
          const failure = await failureOf(convergeRealServer(host, config, wanted, watching))
          if (failure === null) return
          expect(failure.code).toBe('failed')
          expect(everythingOn(host)).toEqual(before)
        }),
      ),
      { numRuns: 200 },
    )
  })

  it('is as applied when any one step of a remove fails', async () => {
    await fc.assert(
      fc.asyncProperty(found, wanted, faults, (found, wanted, { step, when }) =>
        onHost(found, async host => {
          await convergeRealServer(host, config, wanted, watching)
          const applied = everythingOn(host)
          host.failAt(step, when as 'before' | 'after')
          const failure = await failureOf(releaseRealServer(host, watching, { packages: 'keep' }))
          if (failure === null) return
          expect(failure.code).toBe('failed')
          expect(everythingOn(host)).toEqual(applied)
        }),
      ),
      { numRuns: 200 },
    )
  })

  it('is finished by the next apply, or taken back by remove, when a change of its shares is killed', async () => {
    const elsewhere = wanted.map(({ nfs, ...rest }) => ({
      ...rest,
      nfs: nfs.map(share => ({ ...share, source: `${share.source}-new` })),
    }))
    await fc.assert(
      fc.asyncProperty(
        found,
        wanted,
        elsewhere,
        faults,
        fc.boolean(),
        (found, first, second, { step, when }, goesOn) =>
          onHost(found, async host => {
            const before = everythingOn(host)
            await convergeRealServer(host, config, first, watching)
            host.killAt(step, when as 'before' | 'after')
            await failureOf(convergeRealServer(host, config, second, watching))
            host.revive()
            if (goesOn) {
              await convergeRealServer(host, config, second, watching)
              expect((await convergeRealServer(host, config, second, watching)).steps).toEqual([])
            }
            await releaseRealServer(host, watching, { packages: 'keep' })
            expect(everythingOn(host)).toEqual(before)
          }),
      ),
      { numRuns: 200 },
    )
  })

  it('follows its configuration from one set of shares to another', async () => {
    await fc.assert(
      fc.asyncProperty(found, wanted, wanted, (found, first, second) =>
        onHost(found, async host => {
          const before = everythingOn(host)
          await convergeRealServer(host, config, first, watching)
          const writable = second.nfs.map(share => ({ ...share, options: 'rw' }))
          await convergeRealServer(host, config, { ...second, nfs: writable }, watching)
          expect(
            host.mounts
              .list()
              .map(({ target }) => target)
              .sort(),
          ).toEqual(writable.map(({ target }) => target).sort())
          await releaseRealServer(host, watching, { packages: 'keep' })
          expect(everythingOn(host)).toEqual(before)
        }),
      ),
    )
  })
})
