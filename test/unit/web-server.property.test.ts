import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import type { AgentError } from '../../agent/errors.ts'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { DISTRIBUTIONS, type WebServerName } from '../../agent/model/distribution.ts'
import { convergeRealServer, releaseRealServer } from '../../agent/realserver/converge.ts'
import type { WantedRealServer } from '../../agent/realserver/desired.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

/** The web server of a real server on a host in memory. What answers on the wire the kernel tests prove. */
const VIP = '10.10.10.100' as IpAddress
const SERVERS: WebServerName[] = ['apache', 'nginx']
const PLACES = DISTRIBUTIONS.debian.webServers
const config = { file: 'config.yaml', locate: () => 'config.yaml:1:1' } as unknown as Config
const watching = { signal: new AbortController().signal, onProgress: () => undefined }

const OS_RELEASE = { content: 'ID=debian\n', mode: 0o644, uid: 0, gid: 0 }
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
  files: { 'etc/os-release': OS_RELEASE },
}

const server = fc.constantFrom(...SERVERS)
const port = fc.constantFrom(80, 8080)
const httpd = fc
  .record({ server, port })
  .map(each => ({ ...each, root: '/srv/www', healthPath: '/', proxy: [] }))
const templates = wantedRealServerOf({ vips: [VIP] }).templates
const wanted = httpd.map(httpd => {
  const site = readTemplate(`httpd/${httpd.server}.conf`)
  return wantedRealServerOf({ vips: [VIP], httpd, templates: { ...templates, site } })
})

/** What an administrator had before: a web server that runs, or only starts at boot, or neither. */
const before = fc.record({ running: fc.subarray(SERVERS, { maxLength: 1 }), atBoot: fc.subarray(SERVERS) })

function onHost(
  { running, atBoot }: { running: WebServerName[]; atBoot: WebServerName[] },
  work: (host: FakeHost) => Promise<void>,
): Promise<void> {
  return onFakeHost(found, { hidden: [VIP] }, async host => {
    host.meddle(({ serving }) => {
      for (const server of running) serving.running[PLACES[server].unit] = { loaded: null }
      serving.bootUnits = atBoot.map(server => `${PLACES[server].unit}.service`)
    })
    await work(host)
  })
}

const seen = (host: FakeHost) => ({
  ...host.snapshot(),
  sites: SERVERS.map(server => host.files.read(PLACES[server].site)?.content ?? null),
})
const apply = (host: FakeHost, wanted: WantedRealServer) => convergeRealServer(host, config, wanted, watching)
const remove = (host: FakeHost) => releaseRealServer(host, watching, { packages: 'keep' })
const failureOf = (run: Promise<unknown>): Promise<AgentError | null> =>
  run.then(
    () => null,
    (error: AgentError) => error,
  )
const step = fc.integer({ min: 1, max: 16 })
const when = fc.constantFrom('before' as const, 'after' as const)

describe('the web server of a real server', () => {
  it('is as configured after one apply, and after a change of the configuration', async () => {
    await fc.assert(
      fc.asyncProperty(before, wanted, wanted, (before, first, second) =>
        onHost(before, async host => {
          for (const each of [first, second]) {
            await apply(host, each)
            expect((await apply(host, each)).steps).toEqual([])
          }
        }),
      ),
    )
  })

  it('is exactly as it was after remove', async () => {
    await fc.assert(
      fc.asyncProperty(before, wanted, wanted, (before, first, second) =>
        onHost(before, async host => {
          const original = seen(host)
          await apply(host, first)
          await apply(host, second)
          await remove(host)
          expect(seen(host)).toEqual(original)
          expect(host.audibleMoments).toEqual([])
        }),
      ),
    )
  })

  it('is as it was when any one step of apply or remove fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        before,
        fc.option(wanted),
        fc.option(wanted),
        step,
        when,
        (before, first, second, step, when) =>
          onHost(before, async host => {
            if (first !== null) await apply(host, first)
            const original = seen(host)
            host.failAt(step, when)
            const failure = await failureOf(second === null ? remove(host) : apply(host, second))
            if (failure === null) return
            expect(failure.code).toBe('failed')
            expect(seen(host)).toEqual(original)
          }),
      ),
      { numRuns: 300 },
    )
  })

  it('is finished by the next apply, or taken back by remove, when a run is killed at any step', async () => {
    await fc.assert(
      fc.asyncProperty(
        before,
        fc.option(wanted),
        wanted,
        step,
        when,
        fc.boolean(),
        (before, first, second, step, when, goesOn) =>
          onHost(before, async host => {
            const original = seen(host)
            if (first !== null) await apply(host, first)
            host.killAt(step, when)
            await failureOf(apply(host, second))
            host.revive()
            if (goesOn) {
              await apply(host, second)
              expect((await apply(host, second)).steps).toEqual([])
            }
            await remove(host)
            expect(seen(host)).toEqual(original)
            expect(host.audibleMoments).toEqual([])
          }),
      ),
      { numRuns: 300 },
    )
  })
})
