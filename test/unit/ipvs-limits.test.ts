import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import {
  type Destination,
  destinationText,
  type ServiceKey,
  type SyncDaemon,
  serviceText,
  type VirtualService,
} from '../../agent/model/ipvs.ts'
import {
  whyNotDaemon,
  whyNotDestination,
  whyNotKey,
  whyNotService,
  whyNotTimeouts,
} from '../../agent/model/ipvs-limits.ts'
import { daemon, destinationOf, service, serviceKey } from '../support/ipvs-arbitraries.ts'

const ip = (text: string): IpAddress => parseIpAddress(text) ?? expect.fail(`${text} is no address`)

const KEY: ServiceKey = { kind: 'address', protocol: 'tcp', address: ip('10.10.10.100'), port: 80 }
const MARK: ServiceKey = { kind: 'firewallMark', mark: 1, family: 6 }
const SERVICE: VirtualService = {
  key: KEY,
  scheduler: 'wlc',
  schedulerFlags: [],
  onePacket: false,
  persistence: null,
  persistenceEngine: null,
}
const DESTINATION: Destination = {
  address: ip('10.10.10.12'),
  port: 80,
  forwarding: { method: 'direct-route' },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
}
const DAEMON: SyncDaemon = { role: 'master', interface: 'eth0', syncId: 1 }
const IPV4_PERSISTENCE = { timeoutSeconds: 300, netmask: ip('255.255.255.0') }

describe('all that can be is taken', () => {
  it('services', () => {
    fc.assert(
      fc.property(service, service => {
        expect(whyNotService(service)).toBeNull()
      }),
    )
  })

  it('destinations', () => {
    const target = serviceKey.chain(key => fc.tuple(fc.constant(key), destinationOf(key)))
    fc.assert(
      fc.property(target, ([key, destination]) => {
        expect(whyNotDestination(destination, key)).toBeNull()
      }),
    )
  })

  it('sync daemons', () => {
    fc.assert(
      fc.property(daemon, daemon => {
        expect(whyNotDaemon(daemon)).toBeNull()
      }),
    )
  })

  it('every port of an address with persistence', () => {
    const key: ServiceKey = { ...KEY, port: 0 }
    expect(whyNotService({ ...SERVICE, key, persistence: IPV4_PERSISTENCE })).toBeNull()
  })
})

it.each<[Partial<VirtualService>, string]>([
  [{ key: { ...KEY, port: 0 } }, 'every port (0) needs persistence'],
  [{ key: { ...KEY, port: 65_536 } }, 'its port must be from 0 to 65535, not 65536'],
  [{ key: { ...MARK, mark: 0 } }, 'its firewall mark must be from 1 to 4294967295, not 0'],
  [{ key: { ...MARK, mark: 2 ** 32 } }, 'its firewall mark must be from 1 to 4294967295, not 4294967296'],
  [{ scheduler: '' }, 'a scheduler has no name like ""'],
  [{ scheduler: 'a-name-of-16-let' }, 'a scheduler has no name like "a-name-of-16-let"'],
  [{ scheduler: 'r r' }, 'a scheduler has no name like "r r"'],
  [{ schedulerFlags: ['sh-port'] }, 'the scheduler wlc has no flag sh-port, but flag-1, flag-2, flag-3'],
  [{ onePacket: true }, 'one-packet scheduling is for UDP'],
  [{ persistenceEngine: 'sip' }, 'the persistence engine sip needs persistence'],
  [
    { persistence: { ...IPV4_PERSISTENCE, timeoutSeconds: 0 } },
    'its persistence timeout must be from 1 to 2678400, not 0',
  ],
  [
    { persistence: { ...IPV4_PERSISTENCE, timeoutSeconds: 1.5 } },
    'its persistence timeout must be from 1 to 2678400, not 1.5',
  ],
  [
    { persistence: { timeoutSeconds: 300, netmask: 24 } },
    'its persistence needs a mask like 255.255.255.255 for IPv4, not 24',
  ],
  [
    { key: MARK, persistence: IPV4_PERSISTENCE },
    'its persistence needs a prefix length for IPv6, not the mask 255.255.255.0',
  ],
  [
    { key: MARK, persistence: { timeoutSeconds: 300, netmask: 129 } },
    'its prefix length of the persistence must be from 1 to 128, not 129',
  ],
])('a service with %j is refused', (part, why) => {
  expect(whyNotService({ ...SERVICE, ...part })).toBe(why)
})

it.each<[Partial<Destination>, string]>([
  [{ weight: -1 }, 'its weight must be from 0 to 2147483647, not -1'],
  [{ weight: 2 ** 31 }, 'its weight must be from 0 to 2147483647, not 2147483648'],
  [{ weight: 0.5 }, 'its weight must be from 0 to 2147483647, not 0.5'],
  [{ weight: Number.NaN }, 'its weight must be from 0 to 2147483647, not NaN'],
  [{ port: 65_536 }, 'its port must be from 0 to 65535, not 65536'],
  [{ upperThreshold: 2 ** 32 }, 'its upper threshold must be from 0 to 4294967295, not 4294967296'],
  [{ lowerThreshold: -1 }, 'its lower threshold must be from 0 to 4294967295, not -1'],
  [{ upperThreshold: 10, lowerThreshold: 11 }, 'its lower threshold, 11, is above the upper one, 10'],
  [{ address: ip('2001:db8::1') }, 'only a tunnel leads to a real server of the other address family'],
  [
    { forwarding: { method: 'tunnel', tunnel: { type: 'gue', port: 0, checksum: 'none' } } },
    'its port of the tunnel must be from 1 to 65535, not 0',
  ],
  [
    { forwarding: { method: 'tunnel', tunnel: { type: 'gre', checksum: 'remote' } } },
    'GRE has no remote checksum offload',
  ],
])('a real server with %j is refused', (part, why) => {
  expect(whyNotDestination({ ...DESTINATION, ...part }, KEY)).toBe(why)
})

it.each<[Partial<SyncDaemon>, string]>([
  [{ interface: '' }, 'an interface has no name like ""'],
  [{ interface: 'a-name-of-16-let' }, 'an interface has no name like "a-name-of-16-let"'],
  [{ syncId: 256 }, 'its sync id must be from 0 to 255, not 256'],
  [{ maxLength: 65_508 }, 'its maximum length must be from 1 to 65507, not 65508'],
  [{ group: ip('10.0.0.1') }, 'its group, 10.0.0.1, is not a multicast address'],
  [{ group: ip('fe80::1') }, 'its group, fe80::1, is not a multicast address'],
  [{ port: 0 }, 'its port must be from 1 to 65535, not 0'],
  [{ ttl: 256 }, 'its TTL must be from 1 to 255, not 256'],
])('a sync daemon with %j is refused', (part, why) => {
  expect(whyNotDaemon({ ...DAEMON, ...part })).toBe(why)
})

it('refuses a timeout that the kernel cannot count', () => {
  expect(whyNotTimeouts({ tcpSeconds: 900, udpSeconds: 2_678_401 })).toBe(
    'its timeout must be from 1 to 2678400, not 2678401',
  )
  expect(whyNotTimeouts({ tcpSeconds: 0 })).toBe('its timeout must be from 1 to 2678400, not 0')
  expect(whyNotTimeouts({})).toBeNull()
})

it('names every key in its own way', () => {
  const udp: ServiceKey = { ...KEY, protocol: 'udp' }
  const mark4: ServiceKey = { ...MARK, family: 4 }
  const ipv6: ServiceKey = { ...KEY, address: ip('2001:db8::100') }
  expect([KEY, udp, ipv6, mark4, MARK].map(serviceText)).toEqual([
    '10.10.10.100:80/tcp',
    '10.10.10.100:80/udp',
    '[2001:db8::100]:80/tcp',
    'firewall mark 1',
    'firewall mark 1 (IPv6)',
  ])
  expect(destinationText(DESTINATION)).toBe('10.10.10.12:80')
  expect(whyNotKey(KEY)).toBeNull()
})
