import { type AddressFamily, familyOf, firstAddress, type IpAddress, parseIpAddress } from './address.ts'
import {
  type Destination,
  type IpvsTimeouts,
  type Persistence,
  type ServiceKey,
  type SyncDaemon,
  schedulerFlags,
  serviceFamily,
  type Tunnel,
  type VirtualService,
} from './ipvs.ts'

/**
 * What the kernel refuses, or takes and then can do nothing with: said before it is asked. Each returns why not, in
 * words that follow a colon, or null. Limits of net/netfilter/ipvs/ip_vs_ctl.c and ip_vs_sync.c (Linux 5.10 to 7.3).
 */

const U16_MAX = 0xffff
const U32_MAX = 0xffff_ffff
const I32_MAX = 0x7fff_ffff
/** 31 days, as for ipvsadm: the kernel counts the ticks of a timeout in 32 bits, which 1,000 a second fill in 49. */
export const MAX_TIMEOUT_SECONDS = 31 * 86_400
/** IP_VS_SCHEDNAME_MAXLEN and IP_VS_PENAME_MAXLEN of include/uapi/linux/ip_vs.h, without the zero behind the name. */
const MAX_NAME_BYTES = 15
/** IFNAMSIZ of include/uapi/linux/if.h, likewise. */
const MAX_LINK_NAME_BYTES = 15
/** Of IPv4, less its header and UDP's. */
const MAX_UDP_PAYLOAD_BYTES = 0xffff - 20 - 8

export function whyNotKey(key: ServiceKey): string | null {
  if (key.kind === 'address') return whyNotNumber('port', key.port, 0, U16_MAX)
  return whyNotNumber('firewall mark', key.mark, 1, U32_MAX)
}

export function whyNotService(service: VirtualService): string | null {
  const { key, persistence, persistenceEngine, scheduler } = service
  return (
    whyNotKey(key) ??
    whyNotName('scheduler', scheduler) ??
    whyNotFlags(service) ??
    (persistence === null
      ? whyNotWithoutPersistence(service)
      : whyNotPersistence(persistence, serviceFamily(key))) ??
    (persistenceEngine === null ? null : whyNotName('persistence engine', persistenceEngine))
  )
}

/** Without a call for each number: this is asked of each of thousands. */
export function whyNotDestination(destination: Destination, key: ServiceKey): string | null {
  const { address, forwarding, lowerThreshold, port, upperThreshold, weight } = destination
  if ((port & U16_MAX) !== port) return outside('port', port, 0, U16_MAX)
  if ((weight & I32_MAX) !== weight) return outside('weight', weight, 0, I32_MAX)
  if (upperThreshold >>> 0 !== upperThreshold) return outside('upper threshold', upperThreshold, 0, U32_MAX)
  if (lowerThreshold >>> 0 !== lowerThreshold) return outside('lower threshold', lowerThreshold, 0, U32_MAX)
  if (lowerThreshold > upperThreshold)
    return `its lower threshold, ${lowerThreshold}, is above the upper one, ${upperThreshold}`
  if (forwarding.method === 'tunnel') return whyNotTunnel(forwarding.tunnel)
  if (familyOf(address) !== serviceFamily(key))
    return 'only a tunnel leads to a real server of the other address family'
  return null
}

export function whyNotDaemon(daemon: SyncDaemon): string | null {
  const { group, maxLength, port, ttl } = daemon
  return (
    (daemon.interface === '' || Buffer.byteLength(daemon.interface) > MAX_LINK_NAME_BYTES
      ? `an interface has no name like "${daemon.interface}"`
      : null) ??
    whyNotNumber('sync id', daemon.syncId, 0, 255) ??
    (maxLength === undefined ? null : whyNotNumber('maximum length', maxLength, 1, MAX_UDP_PAYLOAD_BYTES)) ??
    (group === undefined || isMulticast(group) ? null : `its group, ${group}, is not a multicast address`) ??
    (port === undefined ? null : whyNotNumber('port', port, 1, U16_MAX)) ??
    (ttl === undefined ? null : whyNotNumber('TTL', ttl, 1, 255))
  )
}

export function whyNotTimeouts(timeouts: Partial<IpvsTimeouts>): string | null {
  for (const seconds of Object.values(timeouts)) {
    const why = whyNotNumber('timeout', seconds, 1, MAX_TIMEOUT_SECONDS)
    if (why !== null) return why
  }
  return null
}

function whyNotTunnel(tunnel: Tunnel): string | null {
  if (tunnel.type === 'gue') return whyNotNumber('port of the tunnel', tunnel.port, 1, U16_MAX)
  return tunnel.type === 'gre' && tunnel.checksum === 'remote' ? 'GRE has no remote checksum offload' : null
}

function whyNotFlags({ key, onePacket, scheduler, schedulerFlags: flags }: VirtualService): string | null {
  const names = schedulerFlags(scheduler)
  const foreign = flags.find(flag => !names.includes(flag))
  if (foreign !== undefined)
    return `the scheduler ${scheduler} has no flag ${foreign}, but ${names.join(', ')}`
  if (onePacket && key.kind === 'address' && key.protocol !== 'udp') return 'one-packet scheduling is for UDP'
  return null
}

function whyNotPersistence({ netmask, timeoutSeconds }: Persistence, family: AddressFamily): string | null {
  const why = whyNotNumber('persistence timeout', timeoutSeconds, 1, MAX_TIMEOUT_SECONDS)
  if (why !== null) return why
  if (family === 6)
    return typeof netmask === 'number'
      ? whyNotNumber('prefix length of the persistence', netmask, 1, 128)
      : `its persistence needs a prefix length for IPv6, not the mask ${netmask}`
  return typeof netmask === 'string' && familyOf(netmask) === 4
    ? null
    : `its persistence needs a mask like 255.255.255.255 for IPv4, not ${netmask}`
}

function whyNotWithoutPersistence({ key, persistenceEngine }: VirtualService): string | null {
  if (key.kind === 'address' && key.port === 0) return 'every port (0) needs persistence'
  return persistenceEngine === null ? null : `the persistence engine ${persistenceEngine} needs persistence`
}

function whyNotName(what: string, name: string): string | null {
  return /^[\w-]+$/.test(name) && name.length <= MAX_NAME_BYTES
    ? null
    : `a ${what} has no name like "${name}"`
}

function whyNotNumber(what: string, value: number, lowest: number, highest: number): string | null {
  const isWithin = Number.isInteger(value) && value >= lowest && value <= highest
  return isWithin ? null : outside(what, value, lowest, highest)
}

function outside(what: string, value: number, lowest: number, highest: number): string {
  return `its ${what} must be from ${lowest} to ${highest}, not ${value}`
}

export function isMulticast(address: IpAddress): boolean {
  return familyOf(address) === 4
    ? firstAddress(address, 4) === parseIpAddress('224.0.0.0')
    : firstAddress(address, 8) === parseIpAddress('ff00::')
}
