import { addressFromBytes, ipv4Number } from '../../../model/address.ts'
import {
  type FoundService,
  type Persistence,
  type Protocol,
  type ServiceKey,
  schedulerFlags,
  serviceFamily,
  type VirtualService,
} from '../../../model/ipvs.ts'
import { ATTRIBUTE_HEADER_BYTES, Layout, LocatedAttributes } from '../attributes.ts'
import type { NetlinkBody } from '../connection.ts'
import {
  AF_INET,
  AF_INET6,
  type Attribute,
  nestedHeader,
  swapped16,
  swapped32,
  u16,
  u16be,
  wordsOf,
} from '../wire.ts'
import { ADDRESS_BYTES, IPVS_CMD_ATTR_SERVICE, locateAnswer, writeInetAddress } from './commands.ts'
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
/** IP_VS_SCHEDNAME_MAXLEN, IP_VS_PENAME_MAXLEN: with the zero behind the name. */
const NAME_BYTES = 16
/** IP_VS_SVC_F_SCHED1 to 3. */
const SCHEDULER_FLAG_BITS = [0x8, 0x10, 0x20] as const

/** IPPROTO_* of include/uapi/linux/in.h. */
const PROTOCOL_NUMBERS: Record<Protocol, number> = { tcp: 6, udp: 17, sctp: 132 }
const PROTOCOLS = new Map(
  Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name as Protocol]),
)

/** All values of a service, 0: its key, of either kind, and behind it what a request to make or change it tells. */
const FAMILY: Attribute = [IPVS_SVC_ATTR_AF, u16(0)]
const ADDRESS_KEY = new Layout(
  FAMILY,
  [IPVS_SVC_ATTR_PROTOCOL, u16(0)],
  [IPVS_SVC_ATTR_ADDR, new Uint8Array(ADDRESS_BYTES)],
  [IPVS_SVC_ATTR_PORT, u16be(0)],
)
const MARK_KEY = new Layout(FAMILY, [IPVS_SVC_ATTR_FWMARK, 0])
const SETTINGS = new Layout(
  [IPVS_SVC_ATTR_SCHED_NAME, new Uint8Array(NAME_BYTES)],
  [IPVS_SVC_ATTR_FLAGS, new Uint8Array(8)],
  [IPVS_SVC_ATTR_TIMEOUT, 0],
  [IPVS_SVC_ATTR_NETMASK, 0],
  // Empty it is none, also where there was one.
  [IPVS_SVC_ATTR_PE_NAME, new Uint8Array(NAME_BYTES)],
)
/** Which words they are. */
const AT = {
  family: ADDRESS_KEY.wordOf(IPVS_SVC_ATTR_AF),
  protocol: ADDRESS_KEY.wordOf(IPVS_SVC_ATTR_PROTOCOL),
  address: ADDRESS_KEY.wordOf(IPVS_SVC_ATTR_ADDR),
  port: ADDRESS_KEY.wordOf(IPVS_SVC_ATTR_PORT),
  mark: MARK_KEY.wordOf(IPVS_SVC_ATTR_FWMARK),
  scheduler: SETTINGS.wordOf(IPVS_SVC_ATTR_SCHED_NAME),
  flags: SETTINGS.wordOf(IPVS_SVC_ATTR_FLAGS),
  timeout: SETTINGS.wordOf(IPVS_SVC_ATTR_TIMEOUT),
  netmask: SETTINGS.wordOf(IPVS_SVC_ATTR_NETMASK),
  persistenceEngine: SETTINGS.wordOf(IPVS_SVC_ATTR_PE_NAME),
}

/**
 * A command with what stands for the service in every request about it or its destinations, and room for more words
 * behind it.
 */
export function encodeServiceKey(command: Uint32Array, key: ServiceKey, room = 0): Uint32Array {
  const layout = layoutOf(key)
  const words = new Uint32Array(command.length + 1 + layout.words.length + room)
  words.set(command)
  words[command.length] = nestedHeader(IPVS_CMD_ATTR_SERVICE, layout.length)
  writeKey(words, command.length + 1, key)
  return words
}

/** A command with the service behind it. */
export function encodeService(command: Uint32Array, service: VirtualService): NetlinkBody {
  const layout = layoutOf(service.key)
  return {
    length: 4 * command.length + ATTRIBUTE_HEADER_BYTES + layout.length + SETTINGS.length,
    writeTo(messages, start) {
      const header = start + command.length
      messages.set(command, start)
      messages[header] = nestedHeader(IPVS_CMD_ATTR_SERVICE, layout.length + SETTINGS.length)
      writeKey(messages, header + 1, service.key)
      writeSettings(messages, header + 1 + layout.words.length, service)
    },
  }
}

const located = new LocatedAttributes()
const stats = new LocatedAttributes()

/** Returns null for a service of a protocol without ports, which only others than IPVS's own tools make. */
export function decodeService(body: Buffer): FoundService | null {
  const attributes = locateAnswer(body).within(IPVS_CMD_ATTR_SERVICE, located)
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
    persistenceEngine: attributes.text(IPVS_SVC_ATTR_PE_NAME) || null,
    traffic: decodeTraffic(attributes.within(IPVS_SVC_ATTR_STATS64, stats)),
  }
}

function layoutOf(key: ServiceKey): Layout {
  return key.kind === 'address' ? ADDRESS_KEY : MARK_KEY
}

function writeKey(words: Uint32Array, start: number, key: ServiceKey): void {
  words.set(layoutOf(key).words, start)
  words[start + AT.family] = serviceFamily(key) === 4 ? AF_INET : AF_INET6
  if (key.kind === 'firewallMark') {
    words[start + AT.mark] = key.mark
    return
  }
  words[start + AT.protocol] = PROTOCOL_NUMBERS[key.protocol]
  writeInetAddress(words, start + AT.address, key.address)
  words[start + AT.port] = swapped16(key.port)
}

function writeSettings(messages: Uint32Array, start: number, service: VirtualService): void {
  const { key, persistence, persistenceEngine, scheduler } = service
  messages.set(SETTINGS.words, start)
  messages.set(nameWords(scheduler), start + AT.scheduler)
  // struct ip_vs_flags: the flags, and which of them are meant: all.
  messages[start + AT.flags] = flagsOf(service)
  messages[start + AT.flags + 1] = 0xffff_ffff
  messages[start + AT.timeout] = persistence?.timeoutSeconds ?? 0
  messages[start + AT.netmask] = netmaskWord(persistence, key)
  if (persistenceEngine !== null) messages.set(nameWords(persistenceEngine), start + AT.persistenceEngine)
}

/** There are few schedulers, and many services. */
const knownNames = new Map<string, Uint32Array>()

function nameWords(name: string): Uint32Array {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const bytes = Buffer.alloc(NAME_BYTES)
  bytes.write(name)
  const words = wordsOf(bytes)
  knownNames.set(name, words)
  return words
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

function flagsOf({ onePacket, persistence, scheduler, schedulerFlags: set }: VirtualService): number {
  let flags = 0
  if (persistence !== null) flags |= IP_VS_SVC_F_PERSISTENT
  if (onePacket) flags |= IP_VS_SVC_F_ONEPACKET
  for (const name of set) flags |= SCHEDULER_FLAG_BITS[schedulerFlags(scheduler).indexOf(name)] ?? 0
  return flags
}

/** Without persistence what the kernel's tools give it, one client each; IPv6 is refused without. */
function netmaskWord(persistence: Persistence | null, key: ServiceKey): number {
  if (persistence === null) return serviceFamily(key) === 4 ? 0xffff_ffff : 128
  const { netmask } = persistence
  return typeof netmask === 'number' ? netmask : swapped32(ipv4Number(netmask))
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
