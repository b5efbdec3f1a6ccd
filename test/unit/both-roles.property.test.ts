import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { convergeDirector, releaseDirector } from '../../agent/director/converge.ts'
import type { WantedDirector } from '../../agent/director/desired.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { convergeRealServer, releaseRealServer } from '../../agent/realserver/converge.ts'
import { DIRECTOR_VIPS, foundHost, wantedDirector } from '../support/director-scenes.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

/** A host that is a director of some VIPs, and a real server of another one. */
const HIDDEN = '10.10.20.100' as IpAddress
const realServer = wantedRealServerOf({ vips: [HIDDEN] })
const config = { file: 'config.yaml', locate: () => 'config.yaml:1:1' } as unknown as Config
const watching = { signal: new AbortController().signal, onProgress: () => undefined }

const ROLES = ['real server', 'director'] as const
type RoleName = (typeof ROLES)[number]
const otherThan = (role: RoleName): RoleName => (role === 'director' ? 'real server' : 'director')

const apply = (host: FakeHost, role: RoleName, director: WantedDirector) =>
  role === 'director'
    ? convergeDirector(host, config, director, watching)
    : convergeRealServer(host, config, realServer, watching)
const remove = (host: FakeHost, role: RoleName) =>
  role === 'director'
    ? releaseDirector(host, watching)
    : releaseRealServer(host, watching, { packages: 'keep' })

const seen = (host: FakeHost) => ({
  ...host.snapshot(),
  files: ['90-rs-agent.conf', '90-rs-agent-director.conf'].map(name =>
    host.files.read(`etc/sysctl.d/${name}`),
  ),
})

describe('two roles on one host', () => {
  const role = fc.constantFrom(...ROLES)
  const when = fc.constantFrom('before' as const, 'after' as const)
  const killed = fc.option(fc.record({ step: fc.integer({ min: 1, max: 20 }), when }))

  it('leave each other alone, whichever comes and goes first, and leave nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        foundHost,
        wantedDirector,
        role,
        role,
        killed,
        (found, director, comesFirst, goesFirst, killed) =>
          onFakeHost(found, { hidden: [HIDDEN], served: DIRECTOR_VIPS }, async host => {
            const before = seen(host)
            await apply(host, comesFirst, director)
            await apply(host, otherThan(comesFirst), director)
            for (const role of ROLES) expect((await apply(host, role, director)).steps).toEqual([])

            if (killed !== null) host.killAt(killed.step, killed.when)
            await remove(host, goesFirst).catch(error => {
              if (killed === null) throw error
            })
            if (host.revive()) await remove(host, goesFirst)
            expect((await apply(host, otherThan(goesFirst), director)).steps).toEqual([])
            await remove(host, otherThan(goesFirst))
            expect(seen(host)).toEqual(before)
            expect(host.audibleMoments).toEqual([])
            expect(host.unservedMoments).toEqual([])
          }),
      ),
      { numRuns: 150 },
    )
  })

  it('keep what both need when one is killed on its way in and the other leaves', async () => {
    await fc.assert(
      fc.asyncProperty(
        foundHost,
        wantedDirector,
        role,
        fc.integer({ min: 1, max: 20 }),
        when,
        (found, director, first, step, when) =>
          onFakeHost(found, { hidden: [HIDDEN], served: DIRECTOR_VIPS }, async host => {
            const before = seen(host)
            await apply(host, first, director)
            host.killAt(step, when)
            await apply(host, otherThan(first), director).catch(() => undefined)
            if (!host.revive()) return
            await remove(host, first)
            await remove(host, otherThan(first))
            expect(seen(host)).toEqual(before)
            expect(host.audibleMoments).toEqual([])
          }),
      ),
      { numRuns: 150 },
    )
  })
})
