import type { SocketAddress } from '../../config/listen.ts'
import type { Destination, IpvsTimeouts, Pool, SyncDaemon, VirtualService } from '../../model/ipvs.ts'

/** What a file of another tool means, in the terms of the kernel's table: the same for every kind of file. */

export const IMPORT_KINDS = ['ipvsadm', 'ldirectord', 'keepalived'] as const
export type ImportKind = (typeof IMPORT_KINDS)[number]

/** Line and column count from 1. */
export interface Place {
  file: string
  line: number
  column: number
}

/** Something that has no equal in our configuration, or that a person should know. The id is stable. */
export interface ImportWarning {
  id: string
  at: Place
  message: string
  /** The next thing to do. */
  hint: string
}

/** Why the file cannot be imported: its own tool would refuse it too. */
export interface ImportProblem {
  at: Place
  message: string
}

/** What is found while a file is read; problems and warnings are collected, so that all of them are told. */
export interface Findings {
  problems: ImportProblem[]
  warnings: ImportWarning[]
}

export interface ImportedRealServer {
  at: Place
  destination: Destination
  /** All must pass; none: it is never taken out. */
  checks: readonly ImportedCheck[]
}

/** A check in the words of our configuration; what is absent has its default. */
export interface ImportedCheck {
  type: 'http' | 'https' | 'tcp' | 'icmp' | 'command'
  /** That is asked; absent where the file tells none. */
  port?: number
  method?: 'HEAD'
  path?: string
  host?: string
  /** A status, or a range of them such as `200-299`. */
  status?: number | string | (number | string)[]
  body?: string
  command?: readonly string[]
  intervalMs: number
  /** Between tries once one has failed; absent: as the interval. */
  retryMs?: number
  timeoutMs: number
  rise: number
  fall: number
}

export interface ImportedService {
  at: Place
  /** What the file calls it, for a comment. */
  title: string | null
  service: VirtualService
  realServers: ImportedRealServer[]
  fallback: SocketAddress | null
  onFailure: 'quiesce' | 'remove' | null
  warnings: ImportWarning[]
}

export interface ImportedDaemon {
  at: Place
  daemon: SyncDaemon
}

export interface Imported {
  services: ImportedService[]
  daemons: ImportedDaemon[]
  timeouts: Partial<IpvsTimeouts>
  /** The NIC of the VIPs, as far as the file tells it. */
  nic: string | null
  /** False: the file's own tool, or another, moves the VIPs. */
  bindsVips: boolean
}

export const NOTHING_IMPORTED: Imported = {
  services: [],
  daemons: [],
  timeouts: {},
  nic: null,
  bindsVips: true,
}

/** The table that the file's own tool would make with every real server healthy. */
export function poolsOf({ services }: Imported): Pool[] {
  return services.map(({ service, realServers }) => ({
    service,
    destinations: realServers.map(({ destination }) => destination),
  }))
}

/** `rules:3:14` */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`
}

export function refuse({ problems }: Findings, at: Place, message: string): void {
  problems.push({ at, message: printable(message) })
}

export function warn(
  { warnings }: Pick<Findings, 'warnings'>,
  at: Place,
  id: string,
  message: string,
  hint: string,
): void {
  warnings.push({ id, at, message: printable(message), hint })
}

/** One line, in which nothing moves a terminal or ends a comment, whatever somebody wrote into a file. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g, ' ')
}
