import { join } from 'node:path'
import type { Files } from '../host/files.ts'
import { isLocked } from '../host/lock.ts'
import { type IpAddress, parseIpAddress } from '../model/address.ts'
import { STATE_FOLDER } from '../reconcile/journal.ts'
import type { Health, Part } from './availability.ts'

/**
 * What is known of the real servers beside the configuration, as every command must take it into account: who was
 * drained by hand, and who is found down by `director run`. Each in a file of its own: a drain outlasts a reboot, what
 * checks have found does not even outlast the checks.
 */
export interface Rotation {
  drained: ReadonlySet<IpAddress>
  /** Null where nobody checks: then all are taken for up. */
  standings: Standings | null
}

export const AS_CONFIGURED: Rotation = { drained: new Set(), standings: null }

/** By `serviceText` and `destinationText`; one that is not there has no checks, and is taken for up. */
export type Standings = Record<string, Record<string, Standing>>

/** How a real server stands in one service, as its checks see it. */
export interface Standing {
  health: Health
  /** Milliseconds since the epoch. */
  sinceMs: number
  /** Why the last check failed; empty when it passed. */
  why: string
  /** Of the last check that was answered; null when none was. */
  latencyMs: number | null
}

/** What `director run` writes down at each change. */
export interface RotationReport {
  /** Process id of the `director run`. */
  pid: number
  /** When it was written, ISO 8601. */
  at: string
  /** Why the configuration file is not the one in use; null when it is. */
  refusedConfig: string | null
  /** By `serviceText`. */
  services: Record<string, ServiceReport>
}

export interface ServiceReport {
  /** Whether the fallback serves. */
  fallback: boolean
  /** Those with checks, by `destinationText`. */
  realServers: Record<string, Standing & { part: Part }>
}

/** Held by a `director run` as long as it lives, beside its report. */
export const RUN_LOCK = 'run/rs-agent/director-run.lock'
const REPORT = 'run/rs-agent/director-rotation.json'
const DRAINED = `${STATE_FOLDER}/director-drained.json`

export function recallRotation(files: Files): Rotation {
  return { drained: readDrained(files), standings: standingsOf(recallReport(files)) }
}

/** What the `director run` of this host says; null when none is running. */
export function recallReport(files: Files): RotationReport | null {
  return isLocked(join(files.root, RUN_LOCK)) ? readReport(files) : null
}

function standingsOf(report: RotationReport | null): Standings | null {
  if (report === null) return null
  return Object.fromEntries(
    Object.entries(report.services).map(([key, { realServers }]) => [key, realServers]),
  )
}

/** What the last run left: the next one goes on from there. Null when there is none that can be read. */
export function readReport(files: Files): RotationReport | null {
  const found = parse<Partial<RotationReport>>(files.readText(REPORT))
  if (found === null || typeof found.pid !== 'number' || typeof found.services !== 'object') return null
  return found as RotationReport
}

export function writeReport(files: Files, report: RotationReport): void {
  files.write(REPORT, { content: `${JSON.stringify(report)}\n`, mode: 0o644, ...owner() })
}

/** Addresses of the real servers that were taken out of rotation by hand. */
export function readDrained(files: Files): Set<IpAddress> {
  const { addresses } = parse<{ addresses?: unknown }>(files.readText(DRAINED)) ?? {}
  if (!Array.isArray(addresses)) return new Set()
  return new Set(addresses.map(text => parseIpAddress(String(text))).filter(address => address !== null))
}

export function writeDrained(files: Files, drained: ReadonlySet<IpAddress>): void {
  const content = `${JSON.stringify({ addresses: [...drained] })}\n`
  if (drained.size === 0) files.remove(DRAINED)
  else files.write(DRAINED, { content, mode: 0o600, ...owner() })
}

/** Nothing is left of it when the role goes. */
export function forgetRotation(files: Files): void {
  files.remove(DRAINED)
  files.remove(REPORT)
}

function owner(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
}

function parse<T>(text: string | null): T | null {
  if (text === null) return null
  try {
    return JSON.parse(text) as T
  } catch {
    return null
  }
}
