import { join } from 'node:path'
import * as v from 'valibot'
import { ipAddress } from '../config/values.ts'
import type { Files } from '../host/files.ts'
import { isLocked } from '../host/lock.ts'
import { destinationText, serviceText } from '../model/ipvs.ts'
import type { WantedPool } from './desired.ts'

/** Held by a `director run` as long as it lives, beside its report. */
export const RUN_LOCK = 'run/rs-agent/director-run.lock'
const REPORT = 'run/rs-agent/director-rotation.json'

const standing = v.object({
  health: v.picklist(['up', 'down', 'unproven']),
  /** Milliseconds since the epoch. */
  sinceMs: v.number(),
  /** Why the last check failed; empty when it passed. */
  why: v.string(),
  /** Why checks of it cannot be made now, on this host's account; empty when they are. */
  unasked: v.string(),
  /** What somebody should look at though checks pass, such as a certificate that ends soon; empty when nothing. */
  note: v.string(),
  /** Of the last check that was answered; null when none was. */
  latencyMs: v.nullable(v.number()),
})

/** How long a real server has been in rotation, when its weight was last worked out. */
const timeInRotation = v.object({
  /** Milliseconds; null: for long. */
  forMs: v.nullable(v.number()),
  /** Under way: the weight now, the one in the end, and when that is (ISO 8601). */
  slowStart: v.nullable(v.object({ weight: v.number(), of: v.number(), endsAt: v.string() })),
})

/** A host that answers ARP (or NDP) for a VIP of this director. */
const arpAlarm = v.object({
  vip: ipAddress,
  mac: v.string(),
  /** Its RIP when it is a real server that is asked alone; else one of the neighbour table, if that has one. */
  address: v.nullable(ipAddress),
  /** Whether it is a real server, which is asked alone; others are heard when everybody is asked. */
  asked: v.picklist(['alone', 'with everybody']),
  /** When it first answered, ISO 8601. */
  since: v.string(),
  /** When it last answered, ISO 8601. */
  heardAt: v.string(),
})

const rotationReport = v.object({
  /** Process id of the `director run`. */
  pid: v.number(),
  /** When it was written, ISO 8601. */
  at: v.string(),
  /** Why the configuration file is not the one in use; null when it is. */
  refusedConfig: v.nullable(v.string()),
  /** By `serviceText`. */
  services: v.record(
    v.string(),
    v.object({
      /** Whether the fallback serves. */
      fallback: v.boolean(),
      /** Those with checks, by `destinationText`. */
      realServers: v.record(
        v.string(),
        v.object({ ...standing.entries, part: v.picklist(['serving', 'kept', 'out', 'drained']) }),
      ),
    }),
  ),
  /** Of the services with a slow start, by `serviceText` and `destinationText`; who is not there is out of rotation. */
  inRotation: v.record(v.string(), v.record(v.string(), timeInRotation)),
  alarms: v.array(arpAlarm),
})

export type ArpAlarm = v.InferOutput<typeof arpAlarm>
export type TimeInRotation = v.InferOutput<typeof timeInRotation>
/** How a real server stands in one service, as its checks see it. */
export type Standing = v.InferOutput<typeof standing>
/** By `serviceText` and `destinationText`; one that is not there has no checks, and is taken for up. */
export type Standings = Record<string, Record<string, Standing>>
/** What `director run` writes down at each change. */
export type RotationReport = v.InferOutput<typeof rotationReport>

/** What the `director run` of this host says; null when none is running. */
export function recallReport(files: Files): RotationReport | null {
  return isLocked(join(files.root, RUN_LOCK)) ? readReport(files) : null
}

/** What the last run left: the next one goes on from there. Null when there is none that can be read. */
export function readReport(files: Files): RotationReport | null {
  const text = files.readText(REPORT)
  if (text === null) return null
  try {
    return v.parse(rotationReport, JSON.parse(text))
  } catch {
    // It is of the last moments alone: the first checks find out again.
    return null
  }
}

export function writeReport(files: Files, report: RotationReport): void {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  files.write(REPORT, { content: `${JSON.stringify(report)}\n`, mode: 0o644, ...owner })
}

export function forgetReport(files: Files): void {
  files.remove(REPORT)
}

export function standingsIn({ services }: RotationReport): Standings {
  return Object.fromEntries(Object.entries(services).map(([key, { realServers }]) => [key, realServers]))
}

/** Of the services that have checks: what became of their real servers, and why. */
export function servicesReport(
  pools: readonly WantedPool[],
  standings: Standings,
): RotationReport['services'] {
  const reports = pools.flatMap(({ service, candidates, parts, usesFallback }) => {
    const name = serviceText(service.key)
    const ofService = standings[name]
    if (ofService === undefined) return []
    const realServers = candidates.flatMap(({ destination }, index) => {
      const realServer = destinationText(destination)
      const standing = ofService[realServer]
      return standing === undefined
        ? []
        : [[realServer, { ...standing, part: parts[index] ?? 'serving' }] as const]
    })
    return [[name, { fallback: usesFallback, realServers: Object.fromEntries(realServers) }] as const]
  })
  return Object.fromEntries(reports)
}
