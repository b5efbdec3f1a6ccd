import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { AgentError } from '../../agent/errors.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { ARP_SYSCTLS } from '../../agent/model/arp.ts'
import type { InterfaceAddress, Link, Route } from '../../agent/model/network.ts'
import { SYSCTL_FILE } from '../../agent/realserver/arp-sysctl.ts'
import { convergeRealServer, releaseRealServer } from '../../agent/realserver/converge.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

/** NICs without a carrier: the proof on the wire has no place in memory, the kernel tests have it. */
const nic = (index: number, name: string): Link => ({
  index,
  name,
  mac: `02:00:00:00:00:0${index}`,
  up: true,
  carrier: false,
  loopback: false,
  arp: true,
})
const LINKS: Link[] = [
  { index: 1, name: 'lo', mac: '', up: true, carrier: true, loopback: true, arp: false },
  nic(2, 'eth0'),
  nic(3, 'eth1.100'),
]
const VIPS = ['10.10.10.100', '10.10.10.101', '192.0.2.1', '2001:db8::100'] as IpAddress[]
const config = { file: 'config.yaml', locate: () => 'config.yaml:1:1' } as unknown as Config
const watching = { signal: new AbortController().signal, onProgress: () => undefined }

const sysctls = fc
  .tuple(
    ...['all', 'eth0', 'eth1.100'].flatMap(scope =>
      ARP_SYSCTLS.map(sysctl =>
        fc
          .nat({ max: sysctl === 'arp_ignore' ? 9 : 3 })
          .map(value => [`net/ipv4/conf/${scope}/${sysctl}`, String(value)] as const),
      ),
    ),
  )
  .map(entries => ({ ...Object.fromEntries(entries), 'net/ipv6/conf/lo/disable_ipv6': '0' }))

const address = (link: string, ip: string, prefixLength: number, label?: string): InterfaceAddress => ({
  link,
  address: ip as IpAddress,
  prefixLength,
  scope: 0,
  flags: 0,
  secondary: false,
  ...(label === undefined ? {} : { label }),
})
const OTHER_RIP = address('eth1.100', '192.0.2.12', 24, 'eth1.100')
const RIP = address('eth0', '10.10.10.12', 24, 'eth0')
const hostRoute = (ip: string) => ({ destination: ip as IpAddress, prefixLength: 32, metric: 0 })
/** What somebody may have left on the host. */
const leftovers = fc.subarray([
  address('lo', '127.0.0.1', 8, 'lo'),
  address('lo', '10.9.9.9', 32, 'lo:0'),
  address('lo', '10.10.10.100', 24, 'lo:1'),
  address('lo', '10.10.10.101', 32, 'lo:7'),
  address('eth0', '10.10.10.100', 32, 'eth0'),
  address('eth1.100', '192.0.2.1', 32, 'eth1.100'),
])
/** Host routes of others to what is to become a VIP. */
const routes = fc.subarray<Route>([
  {
    ...hostRoute('10.10.10.100'),
    link: 'eth0',
    gateway: '10.10.10.1' as IpAddress,
    protocol: 4,
    scope: 0,
    type: 1,
  },
  { ...hostRoute('10.10.10.101'), protocol: 3, scope: 0, type: 6 },
])
/** A sysctl.d file by our name that somebody wrote before us. */
const files = fc.constantFrom<FoundHost['files']>(
  {},
  { [SYSCTL_FILE]: { content: 'net.ipv4.ip_forward = 1\n', mode: 0o640, uid: 0, gid: 0 } },
)
const found: fc.Arbitrary<FoundHost> = fc
  .record({ sysctls, leftovers, routes, files })
  .map(({ leftovers, ...rest }) => ({ links: LINKS, addresses: [RIP, OTHER_RIP, ...leftovers], ...rest }))
const wanted = fc.subarray(VIPS, { minLength: 1 }).map(vips => wantedRealServerOf({ vips }))

const hidden = VIPS.filter(vip => vip.includes('.'))
const onHost = (found: FoundHost, work: (host: FakeHost) => Promise<void>): Promise<void> =>
  onFakeHost(found, { hidden }, work)

/** The error that a run ends with, or null. */
function failureOf(run: Promise<unknown>): Promise<AgentError | null> {
  return run.then(
    () => null,
    (error: AgentError) => error,
  )
}

/** The host did not start out audible: what it was before rs-agent came is not rs-agent's. */
const isQuietAtFirst = ({ addresses }: FoundHost): boolean =>
  !addresses.some(({ address }) => VIPS.includes(address))
const pristine = found.filter(isQuietAtFirst)

describe('apply', () => {
  it('leaves nothing for a second apply, which changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(found, wanted, (found, wanted) =>
        onHost(found, async host => {
          await convergeRealServer(host, config, wanted, watching)
          const made = host.changes
          expect((await convergeRealServer(host, config, wanted, watching)).steps).toEqual([])
          expect(host.changes).toBe(made)
        }),
      ),
    )
  })

  it('is never audible, and remove puts back exactly what was there', async () => {
    await fc.assert(
      fc.asyncProperty(pristine, wanted, (found, wanted) =>
        onHost(found, async host => {
          const before = host.snapshot()
          await convergeRealServer(host, config, wanted, watching)
          expect((await releaseRealServer(host, watching, { packages: 'keep' })).leftOut).toEqual([])
          expect(host.snapshot()).toEqual(before)
          expect(host.files.read(SYSCTL_FILE)).toEqual(found.files[SYSCTL_FILE] ?? null)
          expect(host.audibleMoments).toEqual([])
        }),
      ),
    )
  })

  it('ends in the original state when any one step fails, before or after it was made', async () => {
    await fc.assert(
      fc.asyncProperty(
        pristine,
        wanted,
        fc.integer({ min: 1, max: 14 }),
        fc.constantFrom('before', 'after'),
        (found, wanted, step, when) =>
          onHost(found, async host => {
            const before = host.snapshot()
            host.failAt(step, when as 'before' | 'after')
            const failure = await failureOf(convergeRealServer(host, config, wanted, watching))
            expect(host.audibleMoments).toEqual([])
            if (failure === null) return
            expect(failure.code).toBe('failed')
            expect(host.snapshot()).toEqual(before)
          }),
      ),
      { numRuns: 300 },
    )
  })
})

describe('remove', () => {
  it('ends in the applied state when any one step fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        pristine,
        wanted,
        fc.integer({ min: 1, max: 14 }),
        fc.constantFrom('before', 'after'),
        (found, wanted, step, when) =>
          onHost(found, async host => {
            await convergeRealServer(host, config, wanted, watching)
            const applied = host.snapshot()
            host.failAt(step, when as 'before' | 'after')
            const failure = await failureOf(releaseRealServer(host, watching, { packages: 'keep' }))
            expect(host.audibleMoments).toEqual([])
            if (failure === null) return
            expect(failure).toBeInstanceOf(AgentError)
            expect(host.snapshot()).toEqual(applied)
          }),
      ),
      { numRuns: 300 },
    )
  })

  it('never leaves a VIP audible that it managed, whatever was there before', async () => {
    await fc.assert(
      fc.asyncProperty(found, wanted, (found, wanted) =>
        onHost(found, async host => {
          await convergeRealServer(host, config, wanted, watching)
          const moments = host.audibleMoments.length
          await releaseRealServer(host, watching, { packages: 'keep' })
          const foreign = host
            .snapshot()
            .addresses.filter(({ address }) => VIPS.includes(address) && !wanted.vips.includes(address))
          if (foreign.length === 0) expect(host.audibleMoments.slice(moments)).toEqual([])
        }),
      ),
    )
  })
})
