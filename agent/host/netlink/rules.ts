import { type AddressFamily, addressFromBytes, hostPrefixLength } from '../../model/address.ts'
import type { Prefix, Rule } from '../../model/network.ts'
import { AF_INET, AF_INET6, type Attributes, decodeAttributes, readCString, readU32, zeroed } from './wire.ts'

/** Numbers of include/uapi/linux/{rtnetlink,fib_rules}.h. */
export const RTM_GETRULE = 34
const FRA_DST = 1
const FRA_SRC = 2
const FRA_IIFNAME = 3
const FRA_GOTO = 4
const FRA_PRIORITY = 6
const FRA_FWMARK = 10
const FRA_SUPPRESS_PREFIXLEN = 14
const FRA_TABLE = 15
const FRA_FWMASK = 16
const FRA_OIFNAME = 17
const FRA_L3MDEV = 19
const FRA_UID_RANGE = 20
const FRA_PROTOCOL = 21
const FRA_IP_PROTO = 22
const FRA_SPORT_RANGE = 23
const FRA_DPORT_RANGE = 24
const FRA_SPORT_MASK = 28
const FRA_DPORT_MASK = 29
const FIB_RULE_INVERT = 0x2
const FIB_RULE_UNRESOLVED = 0x4
const FIB_RULE_IIF_DETACHED = 0x8
const FIB_RULE_OIF_DETACHED = 0x10
const RULE_HEADER_BYTES = 12
const EVERY_BIT = 0xffff_ffff

export function encodeRuleDump(family: AddressFamily): Buffer {
  const header = zeroed(RULE_HEADER_BYTES)
  header.writeUInt8(family === 4 ? AF_INET : AF_INET6, 0)
  return header
}

export function decodeRule(body: Buffer): Rule {
  const attributes = decodeAttributes(body, RULE_HEADER_BYTES)
  const priority = attributes.get(FRA_PRIORITY)
  const table = attributes.get(FRA_TABLE)
  const arrivingOn = attributes.get(FRA_IIFNAME)
  const leavingBy = attributes.get(FRA_OIFNAME)
  const rule = {
    priority: priority === undefined ? 0 : readU32(priority),
    action: body.readUInt8(7),
    table: table === undefined ? body.readUInt8(4) : readU32(table),
    source: prefix(attributes.get(FRA_SRC), body.readUInt8(2)),
    destination: prefix(attributes.get(FRA_DST), body.readUInt8(1)),
    arrivingOn: arrivingOn === undefined ? null : readCString(arrivingOn),
    leavingBy: leavingBy === undefined ? null : readCString(leavingBy),
  }
  return { ...rule, text: ruleText(rule, body, attributes) }
}

function prefix(address: Buffer | undefined, prefixLength: number): Prefix | null {
  return address === undefined ? null : { address: addressFromBytes(address), prefixLength }
}

/** First what a packet must be to meet the rule, then what becomes of it, in the order of `ip rule`. */
function ruleText(rule: Omit<Rule, 'text'>, body: Buffer, attributes: Attributes): string {
  const flags = body.readUInt32LE(8)
  const tos = body.readUInt8(3)
  const words = [
    (flags & FIB_RULE_INVERT) === 0 ? '' : 'not',
    `from ${prefixText(rule.source)}`,
    rule.destination === null ? '' : `to ${prefixText(rule.destination)}`,
    tos === 0 ? '' : `tos 0x${tos.toString(16)}`,
    markText(attributes),
    rule.arrivingOn === null ? '' : `iif ${rule.arrivingOn}`,
    (flags & FIB_RULE_IIF_DETACHED) === 0 ? '' : '[detached]',
    rule.leavingBy === null ? '' : `oif ${rule.leavingBy}`,
    (flags & FIB_RULE_OIF_DETACHED) === 0 ? '' : '[detached]',
    ...SELECTORS.map(([type, words]) => textOf(attributes.get(type), words)),
    actionText(rule, attributes),
    (flags & FIB_RULE_UNRESOLVED) === 0 ? '' : '[unresolved]',
    textOf(attributes.get(FRA_SUPPRESS_PREFIXLEN), suppressionText),
    // Rules of kinds that this text has no words for.
    [...attributes.keys()].every(type => WORDED.has(type)) ? '' : '…',
  ]
  return `${rule.priority}: ${words.filter(word => word !== '').join(' ')}`
}

const SELECTORS: readonly (readonly [type: number, words: (data: Buffer) => string])[] = [
  [FRA_UID_RANGE, data => `uidrange ${data.readUInt32LE(0)}-${data.readUInt32LE(4)}`],
  [FRA_IP_PROTO, data => `ipproto ${IP_PROTOCOLS[data.readUInt8(0)] ?? data.readUInt8(0)}`],
  [FRA_SPORT_RANGE, data => `sport ${portsText(data)}`],
  [FRA_DPORT_RANGE, data => `dport ${portsText(data)}`],
  [FRA_SPORT_MASK, portMaskText],
  [FRA_DPORT_MASK, portMaskText],
]
const IP_PROTOCOLS: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'ipv6-icmp' }
const WORDED = new Set([
  FRA_DST,
  FRA_SRC,
  FRA_IIFNAME,
  FRA_GOTO,
  FRA_PRIORITY,
  FRA_FWMARK,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FRA_FWMASK,
  FRA_OIFNAME,
  FRA_L3MDEV,
  FRA_UID_RANGE,
  FRA_PROTOCOL,
  ...SELECTORS.map(([type]) => type),
])

function textOf(data: Buffer | undefined, words: (data: Buffer) => string): string {
  return data === undefined ? '' : words(data)
}

function prefixText(prefix: Prefix | null): string {
  if (prefix === null) return 'all'
  const { address, prefixLength } = prefix
  return prefixLength === hostPrefixLength(address) ? address : `${address}/${prefixLength}`
}

function markText(attributes: Attributes): string {
  const mark = attributes.get(FRA_FWMARK)
  const mask = attributes.get(FRA_FWMASK)
  if (mark === undefined) return ''
  const hex = (data: Buffer): string => `0x${readU32(data).toString(16)}`
  const bits = mask === undefined || readU32(mask) === EVERY_BIT ? '' : `/${hex(mask)}`
  return `fwmark ${hex(mark)}${bits}`
}

/** struct fib_rule_port_range. */
function portsText(data: Buffer): string {
  const [first, last] = [data.readUInt16LE(0), data.readUInt16LE(2)]
  return first === last ? `${first}` : `${first}-${last}`
}

/** Newer kernels (6.18) tell a mask with every single port. */
function portMaskText(data: Buffer): string {
  return data.readUInt16LE(0) === 0xffff ? '' : '…'
}

function actionText({ action, table }: Omit<Rule, 'text'>, attributes: Attributes): string {
  if (action === FR_ACT_GOTO) return `goto ${textOf(attributes.get(FRA_GOTO), data => `${readU32(data)}`)}`
  if (action !== FR_ACT_TO_TBL) return ACTIONS[action] ?? `action ${action}`
  return `lookup ${attributes.has(FRA_L3MDEV) ? '[l3mdev-table]' : (TABLES[table] ?? table)}`
}

const FR_ACT_TO_TBL = 1
const FR_ACT_GOTO = 2
const ACTIONS: Record<number, string> = { 3: 'nop', 6: 'blackhole', 7: 'unreachable', 8: 'prohibit' }
const TABLES: Record<number, string> = { 253: 'default', 254: 'main', 255: 'local' }

function suppressionText(data: Buffer): string {
  const prefixLength = readU32(data)
  return prefixLength === EVERY_BIT ? '' : `suppress_prefixlength ${prefixLength}`
}
