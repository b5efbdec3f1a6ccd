import fc from 'fast-check'
import { addressFromBytes, type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import {
  type Destination,
  type Forwarding,
  type Persistence,
  type Protocol,
  SCHEDULERS,
  type ServiceKey,
  type SyncDaemon,
  schedulerFlags,
  serviceFamily,
  type VirtualService,
} from '../../agent/model/ipvs.ts'
import { MAX_TIMEOUT_SECONDS } from '../../agent/model/ipvs-limits.ts'

/** Everything of IPVS that can be, for property tests. */

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const ipv4 = bytes(4).map(addressFromBytes)
const ipv6 = bytes(16).map(addressFromBytes)
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const port = fc.integer({ min: 1, max: 0xffff })
const protocol = fc.constantFrom<Protocol>('tcp', 'udp', 'sctp')

export const serviceKey: fc.Arbitrary<ServiceKey> = fc.oneof(
  fc.record({ kind: fc.constant('address' as const), protocol, address: fc.oneof(ipv4, ipv6), port }),
  fc.record({
    kind: fc.constant('firewallMark' as const),
    mark: fc.integer({ min: 1, max: 0xffff_ffff }),
    family: fc.constantFrom<4 | 6>(4, 6),
  }),
)

export const service: fc.Arbitrary<VirtualService> = fc
  .tuple(serviceKey, fc.constantFrom(...SCHEDULERS.keys()))
  .chain(([key, scheduler]) =>
    fc
      .record({
        key: fc.constant(key),
        scheduler: fc.constant(scheduler),
        schedulerFlags: fc.subarray([...schedulerFlags(scheduler)]),
        onePacket: key.kind === 'address' && key.protocol !== 'udp' ? fc.constant(false) : fc.boolean(),
        persistence: fc.option(persistence(serviceFamily(key))),
        persistenceEngine: fc.option(fc.stringMatching(/^[a-z]{1,15}$/)),
      })
      .map(found => ({
        ...found,
        persistenceEngine: found.persistence === null ? null : found.persistenceEngine,
      })),
  )

/** Of an address or tunnel that the service of the key can have. */
export function destinationOf(key: ServiceKey): fc.Arbitrary<Destination> {
  const [own, other] = serviceFamily(key) === 4 ? [ipv4, ipv6] : [ipv6, ipv4]
  return fc
    .record({
      address: own,
      port: fc.integer({ min: 0, max: 0xffff }),
      forwarding,
      weight: fc.integer({ min: 0, max: 0x7fff_ffff }),
      upperThreshold: u32,
      lowerThreshold: u32,
      foreign: other,
      isForeign: fc.boolean(),
    })
    .map(({ foreign, isForeign, ...destination }) => ({
      ...destination,
      address: isForeign && destination.forwarding.method === 'tunnel' ? foreign : destination.address,
      lowerThreshold: Math.min(destination.lowerThreshold, destination.upperThreshold),
    }))
}

const forwarding: fc.Arbitrary<Forwarding> = fc.oneof(
  fc.constantFrom<Forwarding>({ method: 'direct-route' }, { method: 'masquerade' }),
  fc.constantFrom<Forwarding>({ method: 'local' }, { method: 'bypass' }),
  fc.oneof(
    fc.constant({ method: 'tunnel' as const, tunnel: { type: 'ipip' as const } }),
    fc.record({
      method: fc.constant('tunnel' as const),
      tunnel: fc.record({
        type: fc.constant('gue' as const),
        port,
        checksum: fc.constantFrom('none', 'full', 'remote'),
      }),
    }),
    fc.record({
      method: fc.constant('tunnel' as const),
      tunnel: fc.record({ type: fc.constant('gre' as const), checksum: fc.constantFrom('none', 'full') }),
    }),
  ),
)

export const daemon: fc.Arbitrary<Required<SyncDaemon>> = fc.record({
  role: fc.constantFrom('master', 'backup'),
  interface: fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/),
  syncId: fc.integer({ min: 0, max: 255 }),
  maxLength: fc.integer({ min: 1, max: 65_507 }),
  group: fc
    .constantFrom('224.0.0.81', '239.1.2.3', 'ff02::51')
    .map(text => parseIpAddress(text) as IpAddress),
  port,
  ttl: fc.integer({ min: 1, max: 255 }),
})

function persistence(family: 4 | 6): fc.Arbitrary<Persistence> {
  return fc.record({
    timeoutSeconds: fc.integer({ min: 1, max: MAX_TIMEOUT_SECONDS }),
    netmask: family === 4 ? ipv4 : fc.integer({ min: 1, max: 128 }),
  })
}
