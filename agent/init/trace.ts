import { type IpAddress, parseIpAddress, whyNotVip } from '../model/address.ts'
import type { ArpSysctl } from '../model/arp.ts'
import { ARP_SYSCTLS, isQuiet } from '../model/arp.ts'

/** A line of a file by which somebody has set up this host by hand, or by another tool. */
export interface Trace {
  /** Below the root, without the leading slash. */
  path: string
  /** From 1. */
  line: number
  /** The line as it stands there. */
  text: string
  means: TraceMeaning
}

export type TraceMeaning =
  | { kind: 'binds-vip'; vip: IpAddress }
  | { kind: 'routes-vip'; vip: IpAddress }
  | { kind: 'silences' }
  /** Sets a value with which this host answers ARP for a VIP, or announces it. */
  | { kind: 'makes-loud' }
  | { kind: 'drives-ipvs'; tool: string }

/** What finds traces in a file: pure, by its text. */
export type TraceReader = (text: string, path: string) => Trace[]

/** Goes through the lines, from which whoever reads them makes what each means. */
export function tracesOf(text: string, path: string, read: (line: string) => TraceMeaning[]): Trace[] {
  return text
    .split('\n')
    .flatMap((line, index) => read(line).map(means => ({ path, line: index + 1, text: line.trim(), means })))
}

/** The address, with or without a prefix length and quotes, when it can be a VIP. */
export function vipIn(word: string): IpAddress | null {
  const address = parseIpAddress(word.replace(/^["']|["']$/g, '').replace(/\/\d+$/, ''))
  return address !== null && whyNotVip(address) === null ? address : null
}

/** What a value does that a line sets, by whatever notation; null for other parameters. */
export function sysctlMeaning(key: string, value: string): TraceMeaning | null {
  const sysctl: ArpSysctl | undefined = ARP_SYSCTLS.find(name => key.endsWith(name))
  if (sysctl === undefined || !/^\d+$/.test(value)) return null
  return { kind: isQuiet(sysctl, Number(value)) ? 'silences' : 'makes-loud' }
}
