import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { convergeDirector, findDrift, releaseDirector } from '../../agent/director/converge.ts'
import type { WantedDirector } from '../../agent/director/desired.ts'
import type { AgentError } from '../../agent/errors.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import {
  type FoundDestination,
  serviceFamily,
  serviceText,
  type VirtualService,
} from '../../agent/model/ipvs.ts'
import type { FoundHost, FoundIpvs } from '../../agent/reconcile/found.ts'
import { DIRECTOR_VIPS, foundHost, wantedDirector } from '../support/director-scenes.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { unusedPool } from '../support/fake-ipvs.ts'

const config = { file: 'config.yaml', locate: () => 'config.yaml:1:1' } as unknown as Config
const watching = { signal: new AbortController().signal, onProgress: () => undefined }

const apply = (host: FakeHost, wanted: WantedDirector) => convergeDirector(host, config, wanted, watching)
const remove = (host: FakeHost) => releaseDirector(host, watching)
const stepsLeft = async (host: FakeHost, wanted: WantedDirector) =>
  (await findDrift(host, config, wanted)).steps

/** On a host that must not turn clients away at any moment. */
const onHost = (found: FoundHost, work: (host: FakeHost) => Promise<void>): Promise<void> =>
  onFakeHost(found, { served: DIRECTOR_VIPS }, async host => {
    await work(host)
    expect(host.unservedMoments).toEqual([])
  })

/** What an observer of the whole host sees, the agent's own files not counted. */
const seen = (host: FakeHost) => ({
  ...host.snapshot(),
  files: ['etc/sysctl.d/90-rs-agent-director.conf', 'etc/modules-load.d/rs-agent-director.conf'].map(path =>
    host.files.read(path),
  ),
})

/** The error that a run ends with, or null. */
const failureOf = (run: Promise<unknown>): Promise<AgentError | null> =>
  run.then(
    () => null,
    (error: AgentError) => error,
  )

const step = fc.integer({ min: 1, max: 30 })
const when = fc.constantFrom('before' as const, 'after' as const)
const RUNS = { numRuns: 100 }

const servicesOf = (ipvs: FoundIpvs | null): string[] =>
  ipvs?.pools.map(({ service }) => serviceText(service.key)) ?? []
const [STRANGER] = unusedPool({
  service: {} as VirtualService,
  destinations: [
    {
      address: '10.10.10.99' as IpAddress,
      port: 0,
      forwarding: { method: 'direct-route' },
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
    },
  ],
}).destinations as [FoundDestination]

describe('director apply', () => {
  it('leaves nothing for a second one, which changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(foundHost, wantedDirector, (found, wanted) =>
        onHost(found, async host => {
          await apply(host, wanted)
          expect(await stepsLeft(host, wanted)).toEqual([])
          const made = host.changes
          expect((await apply(host, wanted)).steps).toEqual([])
          expect(host.changes).toBe(made)
        }),
      ),
      RUNS,
    )
  })

  it('ends in the original state when any one step fails, before or after it was made', async () => {
    await fc.assert(
      fc.asyncProperty(foundHost, wantedDirector, step, when, (found, wanted, step, when) =>
        onHost(found, async host => {
          const before = seen(host)
          host.failAt(step, when)
          const failure = await failureOf(apply(host, wanted))
          if (failure === null) return
          expect(failure.code).toBe('failed')
          expect(seen(host)).toEqual(before)
        }),
      ),
      RUNS,
    )
  })

  it('goes from one configuration to another, or stays at the first when a step fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        foundHost,
        wantedDirector,
        wantedDirector,
        step,
        when,
        (found, first, second, step, when) =>
          onHost(found, async host => {
            const original = seen(host)
            await apply(host, first)
            const before = seen(host)
            host.failAt(step, when)
            if ((await failureOf(apply(host, second))) === null)
              expect(await stepsLeft(host, second)).toEqual([])
            else expect(seen(host)).toEqual(before)
            host.revive()
            await remove(host)
            expect(seen(host)).toEqual(original)
          }),
      ),
      RUNS,
    )
  })

  it('that was killed at any step is finished by the next one', async () => {
    await fc.assert(
      fc.asyncProperty(foundHost, wantedDirector, step, when, (found, wanted, step, when) =>
        onHost(found, async host => {
          const before = seen(host)
          host.killAt(step, when)
          await failureOf(apply(host, wanted))
          if (!host.revive()) return
          await apply(host, wanted)
          expect(await stepsLeft(host, wanted)).toEqual([])
          await remove(host)
          expect(seen(host)).toEqual(before)
        }),
      ),
      RUNS,
    )
  })
})

describe('director remove', () => {
  it('puts back exactly what was there, the table included', async () => {
    await fc.assert(
      fc.asyncProperty(foundHost, wantedDirector, (found, wanted) =>
        onHost(found, async host => {
          const before = seen(host)
          await apply(host, wanted)
          expect((await remove(host)).leftOut).toEqual([])
          expect(seen(host)).toEqual(before)
        }),
      ),
      RUNS,
    )
  })

  it('ends in the applied state when any one step fails', async () => {
    await fc.assert(
      fc.asyncProperty(foundHost, wantedDirector, step, when, (found, wanted, step, when) =>
        onHost(found, async host => {
          await apply(host, wanted)
          const applied = seen(host)
          host.failAt(step, when)
          const failure = await failureOf(remove(host))
          if (failure === null) return
          expect(failure.code).toBe('failed')
          expect(seen(host)).toEqual(applied)
        }),
      ),
      RUNS,
    )
  })

  it('takes back an apply, and finishes a remove, that was killed at any step', async () => {
    await fc.assert(
      fc.asyncProperty(
        foundHost,
        wantedDirector,
        step,
        when,
        fc.boolean(),
        (found, wanted, step, when, isApplied) =>
          onHost(found, async host => {
            const before = seen(host)
            if (isApplied) await apply(host, wanted)
            host.killAt(step, when)
            await failureOf(isApplied ? remove(host) : apply(host, wanted))
            if (!host.revive()) return
            await remove(host)
            expect(seen(host)).toEqual(before)
          }),
      ),
      RUNS,
    )
  })

  it('takes what others put into its services with it, and finds its way where they took some away', async () => {
    await fc.assert(
      fc.asyncProperty(foundHost, wantedDirector, (found, wanted) =>
        onHost(found, async host => {
          const { ipvs: before, ...rest } = seen(host)
          await apply(host, wanted)
          host.meddle(({ ipvs }) => {
            ipvs?.pools.splice(0, 1)
            for (const { service, destinations } of ipvs?.pools ?? []) {
              destinations.splice(0, 1)
              if (serviceFamily(service.key) === 4) destinations.push(STRANGER)
            }
          })
          await apply(host, wanted)
          expect(await stepsLeft(host, wanted)).toEqual([])
          await remove(host)
          const { ipvs: after, ...others } = seen(host)
          expect(others).toEqual(rest)
          expect(servicesOf(before)).toEqual(expect.arrayContaining(servicesOf(after)))
        }),
      ),
      RUNS,
    )
  })
})
