import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import type { Destination, Pool, Protocol, ServiceKey, SyncDaemon } from '../../agent/model/ipvs.ts'
import type { InterfaceAddress, Link } from '../../agent/model/network.ts'
import type { FoundHost, FoundIpvs } from '../../agent/reconcile/found.ts'
import { readServing, type ShortServing } from './case-serving.ts'
import { unusedPool } from './fake-ipvs.ts'

/** The host of a case as a person writes it. */
interface ShortFound {
  /** `eth0`, or `eth1: { master: br0, kind: vlan, arp: false }`. */
  links: Record<string, { master?: string; kind?: string; arp?: boolean; up?: boolean } | null>
  /** `eth0 10.10.10.12/24`, with `secondary` or `label=lo:0` behind it. */
  addresses: string[]
  /** `10.10.10.100 dev eth0 proto 3`. */
  routes?: string[]
  /** `all/arp_ignore: 1`; those not named are 0. */
  sysctls?: Record<string, number>
  files?: Record<string, string>
  /** `10.10.10.100:80/tcp wlc persistent 300: [10.10.10.12:80 direct-route 1]`; `firewall mark 7 rr: []`. */
  ipvs?: Record<string, string[]>
  /** `master eth0 1`: role, interface, id. */
  syncDaemons?: string[]
  serving?: ShortServing
}

export function readFound(path: string): FoundHost {
  const short: ShortFound = parse(readFileSync(path, 'utf8'))
  const names = ['lo', ...Object.keys(short.links).filter(name => name !== 'lo')]
  const links = names.map((name, index): Link => {
    const { master, kind, arp = name !== 'lo', up = true } = short.links[name] ?? {}
    return {
      index: index + 1,
      name,
      mac: '',
      up,
      carrier: up,
      loopback: name === 'lo',
      arp,
      ...(kind === undefined ? {} : { kind }),
      ...(master === undefined ? {} : { master: names.indexOf(master) + 1 }),
    }
  })
  const sysctls: FoundHost['sysctls'] = { 'net/ipv6/conf/lo/disable_ipv6': '0' }
  for (const scope of ['all', 'default', ...names])
    for (const name of ['arp_ignore', 'arp_announce', 'promote_secondaries'])
      sysctls[`net/ipv4/conf/${scope}/${name}`] = String(short.sysctls?.[`${scope}/${name}`] ?? 0)
  Object.assign(sysctls, directorSysctls(names, short.sysctls))
  return {
    links,
    ipvs: readIpvs(short),
    ...(short.serving === undefined ? {} : { serving: readServing(short.serving) }),
    addresses: short.addresses.map(readAddress),
    routes: (short.routes ?? []).map(text => {
      const [destination, , link, , protocol] = text.split(' ')
      const isIpv4 = destination?.includes('.') === true
      const place = { destination, prefixLength: isIpv4 ? 32 : 128, metric: isIpv4 ? 0 : 1024 }
      return {
        ...place,
        link,
        protocol: Number(protocol),
        scope: 253,
        type: 1,
      } as FoundHost['routes'][number]
    }),
    sysctls,
    files: Object.fromEntries(
      Object.entries(short.files ?? {}).map(([file, content]) => [
        file,
        { content, mode: 0o644, uid: 0, gid: 0 },
      ]),
    ),
  }
}

/** As the kernel has them when nobody set them. */
function directorSysctls(links: readonly string[], set: Record<string, number> = {}): FoundHost['sysctls'] {
  const value = (name: string, initial: number): string => String(set[name] ?? initial)
  const redirects = ['all', ...links].map(scope => `${scope}/send_redirects`)
  const ipvs = ['expire_nodest_conn', 'expire_quiescent_template', 'backup_only'].map(name => `vs/${name}`)
  return {
    ...Object.fromEntries(redirects.map(name => [`net/ipv4/conf/${name}`, value(name, 1)])),
    ...Object.fromEntries(ipvs.map(name => [`net/ipv4/${name}`, value(name, 0)])),
    ...Object.fromEntries(
      links.map(nic => [`net/ipv4/conf/${nic}/forwarding`, value(`${nic}/forwarding`, 0)]),
    ),
    'net/ipv6/conf/all/forwarding': value('ipv6/forwarding', 0),
  }
}

function readIpvs({ ipvs = {}, syncDaemons = [] }: ShortFound): FoundIpvs {
  return {
    pools: Object.entries(ipvs).map(([text, destinations]) => unusedPool(readPool(text, destinations))),
    timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 },
    daemons: syncDaemons.map(text => {
      const [role, link = '', id] = text.split(' ')
      const told = { maxLength: 1472, group: '224.0.0.81' as IpAddress, port: 8848, ttl: 1 }
      return { role: role as SyncDaemon['role'], interface: link, syncId: Number(id), ...told }
    }),
  }
}

function readPool(text: string, destinations: readonly string[]): Pool {
  const [, name = '', scheduler = '', seconds] = /^(.*?) (\w+)(?: persistent (\d+))?$/.exec(text) ?? []
  const netmask = '255.255.255.255' as IpAddress
  return {
    service: {
      key: readKey(name),
      scheduler,
      schedulerFlags: [],
      onePacket: false,
      persistence: seconds === undefined ? null : { timeoutSeconds: Number(seconds), netmask },
      persistenceEngine: null,
    },
    destinations: destinations.map((line): Destination => {
      const [socket = '', method, weight] = line.split(' ')
      const forwarding = { method } as Destination['forwarding']
      const limits = { upperThreshold: 0, lowerThreshold: 0 }
      return { ...readSocket(socket), forwarding, weight: Number(weight), ...limits }
    }),
  }
}

function readKey(text: string): ServiceKey {
  const mark = /^firewall mark (\d+)$/.exec(text)?.[1]
  if (mark !== undefined) return { kind: 'firewallMark', mark: Number(mark), family: 4 }
  const [socket = '', protocol] = text.split('/')
  return { kind: 'address', protocol: protocol as Protocol, ...readSocket(socket) }
}

function readSocket(text: string): { address: IpAddress; port: number } {
  const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? []
  const address = parseIpAddress(host)
  if (address === null) throw new Error(`no address and port: ${text}`)
  return { address, port: Number(port) }
}

function readAddress(text: string): InterfaceAddress {
  const [link = '', prefix = '', ...rest] = text.split(' ')
  const [address, prefixLength] = prefix.split('/')
  const label = rest.find(word => word.startsWith('label='))?.slice('label='.length)
  return {
    link,
    address: address as InterfaceAddress['address'],
    prefixLength: Number(prefixLength),
    scope: 0,
    flags: 0,
    secondary: rest.includes('secondary'),
    ...(label === undefined ? {} : { label }),
  }
}
