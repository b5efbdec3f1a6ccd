import { addressBytes, addressFromBytes, type IpAddress } from '../../../model/address.ts'
import {
  type FoundService,
  type Persistence,
  type Protocol,
  type ServiceKey,
  schedulerFlags,
  serviceFamily,
  type VirtualService,
} from '../../../model/ipvs.ts'
import type { LocatedAttributes } from '../attributes.ts'
import { AF_INET, AF_INET6, type Attribute, nested, u16, u16be, zeroed } from '../wire.ts'
import { ADDRESS_BYTES, IPVS_CMD_ATTR_SERVICE, locateAnswer } from './commands.ts'
import { decodeTraffic } from './traffic.ts'

/** Numbers of include/uapi/linux/ip_vs.h (IPVS_SVC_ATTR_*, IP_VS_SVC_F_*). */
const IPVS_SVC_ATTR_AF = 1
const IPVS_SVC_ATTR_PROTOCOL = 2
const IPVS_SVC_ATTR_ADDR = 3
const IPVS_SVC_ATTR_PORT = 4
const IPVS_SVC_ATTR_FWMARK = 5
const IPVS_SVC_ATTR_SCHED_NAME = 6
const IPVS_SVC_ATTR_FLAGS = 7
const IPVS_SVC_ATTR_TIMEOUT = 8
const IPVS_SVC_ATTR_NETMASK = 9
const IPVS_SVC_ATTR_PE_NAME = 11
const IPVS_SVC_ATTR_STATS64 = 12
const IP_VS_SVC_F_PERSISTENT = 0x1
const IP_VS_SVC_F_ONEPACKET = 0x4
/** IP_VS_SVC_F_SCHED1 to 3. */
const SCHEDULER_FLAG_BITS = [0x8, 0x10, 0x20] as const

/** IPPROTO_* of include/uapi/linux/in.h. */
const PROTOCOL_NUMBERS: Record<Protocol, number> = { tcp: 6, udp: 17, sctp: 132 }
const PROTOCOLS = new Map(
  Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name as Protocol]),
)

/** What stands for the service in every request about it or its destinations. */
export function encodeServiceKey(key: ServiceKey): Attribute {
  return nested(IPVS_CMD_ATTR_SERVICE, ...keyAttributes(key))
}

export function encodeService(service: VirtualService): Attribute {
  const { key, persistence } = service
  return nested(
    IPVS_CMD_ATTR_SERVICE,
    ...keyAttributes(key),
    [IPVS_SVC_ATTR_SCHED_NAME, service.scheduler],
    [IPVS_SVC_ATTR_FLAGS, encodeFlags(service)],
    [IPVS_SVC_ATTR_TIMEOUT, persistence?.timeoutSeconds ?? 0],
    [IPVS_SVC_ATTR_NETMASK, encodeNetmask(persistence?.netmask ?? ONE_CLIENT[serviceFamily(key)])],
    // One that is left out is none, also where there was one.
    [IPVS_SVC_ATTR_PE_NAME, service.persistenceEngine ?? undefined],
  )
}

/** Returns null for a service of a protocol without ports, which only others than IPVS's own tools make. */
export function decodeService(body: Buffer): FoundService | null {
  const attributes = locateAnswer(body).within(IPVS_CMD_ATTR_SERVICE)
  const key = decodeKey(attributes)
  if (key === null) return null
  const scheduler = attributes.text(IPVS_SVC_ATTR_SCHED_NAME)
  const flags = attributes.u32(IPVS_SVC_ATTR_FLAGS)
  return {
    key,
    scheduler,
    schedulerFlags: schedulerFlags(scheduler).filter(
      (_, index) => (flags & (SCHEDULER_FLAG_BITS[index] ?? 0)) !== 0,
    ),
    onePacket: (flags & IP_VS_SVC_F_ONEPACKET) !== 0,
    persistence: (flags & IP_VS_SVC_F_PERSISTENT) === 0 ? null : decodePersistence(attributes, key),
    persistenceEngine: attributes.has(IPVS_SVC_ATTR_PE_NAME) ? attributes.text(IPVS_SVC_ATTR_PE_NAME) : null,
    traffic: decodeTraffic(attributes.within(IPVS_SVC_ATTR_STATS64)),
  }
}

function keyAttributes(key: ServiceKey): Attribute[] {
  const family: Attribute = [IPVS_SVC_ATTR_AF, u16(serviceFamily(key) === 4 ? AF_INET : AF_INET6)]
  if (key.kind === 'firewallMark') return [family, [IPVS_SVC_ATTR_FWMARK, key.mark]]
  return [
    family,
    [IPVS_SVC_ATTR_PROTOCOL, u16(PROTOCOL_NUMBERS[key.protocol])],
    [IPVS_SVC_ATTR_ADDR, encodeInetAddress(key.address)],
    [IPVS_SVC_ATTR_PORT, u16be(key.port)],
  ]
}

function decodeKey(attributes: LocatedAttributes): ServiceKey | null {
  const family = attributes.u16(IPVS_SVC_ATTR_AF) === AF_INET6 ? 6 : 4
  if (attributes.has(IPVS_SVC_ATTR_FWMARK))
    return { kind: 'firewallMark', mark: attributes.u32(IPVS_SVC_ATTR_FWMARK), family }
  const protocol = PROTOCOLS.get(attributes.u16(IPVS_SVC_ATTR_PROTOCOL))
  if (protocol === undefined) return null
  return {
    kind: 'address',
    protocol,
    address: addressFromBytes(attributes.bytes(IPVS_SVC_ATTR_ADDR, family === 4 ? 4 : ADDRESS_BYTES)),
    port: attributes.u16be(IPVS_SVC_ATTR_PORT),
  }
}

/** struct ip_vs_flags: the flags, and which of them are meant: all. */
function encodeFlags({ onePacket, persistence, scheduler, schedulerFlags: set }: VirtualService): Buffer {
  let flags = 0
  if (persistence !== null) flags |= IP_VS_SVC_F_PERSISTENT
  if (onePacket) flags |= IP_VS_SVC_F_ONEPACKET
  for (const [index, name] of schedulerFlags(scheduler).entries())
    if (set.includes(name)) flags |= SCHEDULER_FLAG_BITS[index] ?? 0
  const bytes = zeroed(8)
  bytes.writeUInt32LE(flags, 0)
  bytes.writeUInt32LE(0xffff_ffff, 4)
  return bytes
}

/** What the kernel's tools give a service without persistence; IPv6 is refused without. */
const ONE_CLIENT = { 4: '255.255.255.255' as IpAddress, 6: 128 }

function encodeNetmask(netmask: Persistence['netmask']): Uint8Array | number {
  return typeof netmask === 'number' ? netmask : addressBytes(netmask)
}

function decodePersistence(attributes: LocatedAttributes, key: ServiceKey): Persistence {
  return {
    timeoutSeconds: attributes.u32(IPVS_SVC_ATTR_TIMEOUT),
    netmask:
      serviceFamily(key) === 4
        ? addressFromBytes(attributes.bytes(IPVS_SVC_ATTR_NETMASK, 4))
        : attributes.u32(IPVS_SVC_ATTR_NETMASK),
  }
}

/** union nf_inet_addr. */
export function encodeInetAddress(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES)
  bytes.set(addressBytes(address))
  return bytes
}
