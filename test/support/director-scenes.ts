import fc from 'fast-check'
import type { WantedDirector } from '../../agent/director/desired.ts'
import { readTemplate } from '../../agent/host/templates.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { Destination, Pool, ServiceKey, SyncDaemon } from '../../agent/model/ipvs.ts'
import { serviceFamily } from '../../agent/model/ipvs.ts'
import type { InterfaceAddress, Link } from '../../agent/model/network.ts'
import type { FoundHost, FoundIpvs } from '../../agent/reconcile/found.ts'
import { unusedPool } from './fake-ipvs.ts'

/** Hosts that are to become directors, and what they are to become. */

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
  nic(3, 'eth1'),
]
const address = (link: string, ip: string, prefixLength: number): InterfaceAddress => ({
  link,
  address: ip as IpAddress,
  prefixLength,
  scope: 0,
  flags: 0,
  secondary: false,
  label: link,
})

const service = (ip: string, port: number): ServiceKey => ({
  kind: 'address',
  protocol: 'tcp',
  address: ip as IpAddress,
  port,
})
const KEYS: ServiceKey[] = [
  service('10.10.10.100', 80),
  service('10.10.10.100', 443),
  service('10.10.10.101', 0),
  service('2001:db8::100', 80),
  { kind: 'firewallMark', mark: 7, family: 4 },
]
/** Never of the configuration. */
const OTHERS_KEY = service('10.10.10.200', 80)
export const DIRECTOR_VIPS = ['10.10.10.100', '10.10.10.101', '2001:db8::100'] as IpAddress[]

const isEveryPort = (key: ServiceKey): boolean => key.kind === 'address' && key.port === 0

function destination(ip: string, key: ServiceKey): fc.Arbitrary<Destination> {
  return fc
    .record({
      weight: fc.constantFrom(0, 1, 5),
      upperThreshold: fc.constantFrom(0, 100),
      forwarding: fc.constantFrom<Destination['forwarding']>(
        { method: 'direct-route' },
        { method: 'masquerade' },
        { method: 'tunnel', tunnel: { type: 'gue', port: 5555, checksum: 'none' } },
      ),
    })
    .map(form => ({
      address: ip as IpAddress,
      port: key.kind === 'address' ? key.port : 0,
      lowerThreshold: 0,
      ...form,
    }))
}

function pool(key: ServiceKey): fc.Arbitrary<Pool> {
  const isIpv6 = serviceFamily(key) === 6
  const ips = [12, 13, 14].map(host => (isIpv6 ? `2001:db8::${host}` : `10.10.10.${host}`))
  const persistence = { timeoutSeconds: 300, netmask: isIpv6 ? 128 : ('255.255.255.255' as IpAddress) }
  return fc
    .record({
      scheduler: fc.constantFrom('rr', 'wlc', 'sh'),
      isPersistent: fc.boolean(),
      destinations: fc.subarray(ips).chain(chosen => fc.tuple(...chosen.map(ip => destination(ip, key)))),
    })
    .map(({ scheduler, isPersistent, destinations }) => ({
      service: {
        key,
        scheduler,
        schedulerFlags: [],
        onePacket: false,
        persistence: isPersistent || isEveryPort(key) ? persistence : null,
        persistenceEngine: null,
      },
      destinations,
    }))
}

const pools = (keys: readonly ServiceKey[], minLength: number): fc.Arbitrary<Pool[]> =>
  fc.subarray([...keys], { minLength }).chain(chosen => fc.tuple(...chosen.map(pool)))

const runningDaemon = (role: SyncDaemon['role']): Required<SyncDaemon> => ({
  role,
  interface: 'eth1',
  syncId: 9,
  maxLength: 1472,
  group: '224.0.0.81' as IpAddress,
  port: 8848,
  ttl: 1,
})
const ipvs: fc.Arbitrary<FoundIpvs> = fc.record({
  pools: pools([...KEYS, OTHERS_KEY], 0).map(table => table.map(unusedPool)),
  timeouts: fc.constantFrom(900, 60).map(tcpSeconds => ({ tcpSeconds, tcpFinSeconds: 120, udpSeconds: 300 })),
  daemons: fc.subarray([runningDaemon('master'), runningDaemon('backup')]),
})

const SWITCHES = [
  ...['all', 'eth0', 'eth1'].map(scope => `net/ipv4/conf/${scope}/send_redirects`),
  ...['expire_nodest_conn', 'expire_quiescent_template', 'backup_only'].map(name => `net/ipv4/vs/${name}`),
  ...['eth0', 'eth1'].map(nic => `net/ipv4/conf/${nic}/forwarding`),
  'net/ipv6/conf/all/forwarding',
]
const ARP = ['all', 'eth0', 'eth1'].flatMap(scope =>
  ['arp_ignore', 'arp_announce'].map(name => `net/ipv4/conf/${scope}/${name}`),
)
const parameter = (path: string, max: number) => fc.nat({ max }).map(value => [path, String(value)] as const)
const sysctls = fc
  .tuple(...SWITCHES.map(path => parameter(path, 1)), ...ARP.map(path => parameter(path, 2)))
  .map(entries => ({ ...Object.fromEntries(entries), 'net/ipv6/conf/lo/disable_ipv6': '0' }))

/** A file by our name that somebody wrote before us. */
const files = fc.constantFrom<FoundHost['files']>(
  {},
  {
    'etc/sysctl.d/90-rs-agent-director.conf': {
      content: 'net.ipv4.ip_forward = 1\n',
      mode: 0o640,
      uid: 0,
      gid: 0,
    },
  },
)

/** No VIP is bound; the table may hold anything. */
export const foundHost: fc.Arbitrary<FoundHost & { ipvs: FoundIpvs }> = fc
  .record({ sysctls, ipvs, files })
  .map(rest => ({
    links: LINKS,
    addresses: [
      address('lo', '127.0.0.1', 8),
      address('eth0', '10.10.10.11', 24),
      address('eth1', '192.0.2.11', 24),
    ],
    routes: [],
    ...rest,
  }))

export const wantedDirector: fc.Arbitrary<WantedDirector> = fc
  .record({
    nic: fc.constantFrom('eth0', 'eth1'),
    expiresQuiescentTemplates: fc.boolean(),
    bindsVips: fc.constantFrom(true, true, true, false),
    pools: pools(KEYS, 1),
    otherServices: fc.constantFrom('keep', 'remove'),
    timeouts: fc.constantFrom({}, { tcpSeconds: 60 }),
    syncDaemon: fc.constantFrom<SyncDaemon | null>(
      null,
      { role: 'master', interface: 'eth0', syncId: 1 },
      { role: 'backup', interface: 'eth0', syncId: 1 },
    ),
  })
  .map(({ pools, ...rest }) => ({
    ...rest,
    arpAuditMs: null,
    // All of them in rotation: what checks and drains make of it is availability's.
    pools: pools.map((wanted, index) => ({
      ...wanted,
      path: ['director', 'services', index],
      candidates: wanted.destinations.map(destination => ({
        destination,
        health: 'up' as const,
        sinceMs: 0,
        drained: false,
        forMs: null,
      })),
      parts: wanted.destinations.map(() => 'serving' as const),
      usesFallback: false,
      mayServe: wanted.destinations,
      slowStartMs: null,
    })),
    vips: DIRECTOR_VIPS.filter(vip =>
      pools.some(({ service: { key } }) => key.kind === 'address' && key.address === vip),
    ).map(address => ({ address, path: [] })),
    templates: {
      sysctl: readTemplate('sysctl/90-rs-agent-director.conf'),
      modules: readTemplate('modules-load/rs-agent-director.conf'),
    },
  }))
