import { join } from 'node:path'
import * as v from 'valibot'
import { ipAddress } from '../../config/values.ts'
import type { Files } from '../../host/files.ts'
import { isLocked } from '../../host/lock.ts'

/** Held by a `run` that keeps this host a real server, as long as it lives, beside its report. */
export const KEEP_LOCK = 'run/rs-agent/run.lock'
const REPORT = 'run/rs-agent/real-server-run.json'

const check = v.object({
  id: v.string(),
  subject: v.string(),
  verdict: v.picklist(['pass', 'fail', 'unknown', 'skipped']),
  evidence: v.string(),
  hint: v.string(),
})

/** One setting that somebody changed and that was put right. */
const repair = v.object({
  /** As plan and apply name it. */
  subject: v.string(),
  /** The id of the resource, which is that of its check. */
  resource: v.string(),
  count: v.number(),
  /** When it was put right for the first and the last time, ISO 8601. */
  firstAt: v.string(),
  lastAt: v.string(),
  /** From hearing of it to the end of the repair, the last time. */
  tookMs: v.number(),
  /** Something undoes the repair again and again: until then (ISO 8601) it is left alone; null when not. */
  heldBackUntil: v.nullable(v.string()),
  /** Who may be undoing it, as far as this host tells. */
  suspects: v.array(v.string()),
})

/** Something that must never happen, and did. */
const alarm = v.object({
  kind: v.picklist([
    /** ARP left this host with a VIP as its sender. */
    'own-claim',
    /** A host that is no director claims a VIP. */
    'foreign-claim',
    /** This host cannot be kept silent. */
    'audible',
    /** Nobody watches what leaves this host. */
    'blind',
  ]),
  vip: v.nullable(ipAddress),
  nic: v.nullable(v.string()),
  mac: v.nullable(v.string()),
  message: v.string(),
  count: v.number(),
  /** ISO 8601. */
  since: v.string(),
  lastAt: v.string(),
})

/** A line of the log. */
const happening = v.object({
  /** ISO 8601. */
  at: v.string(),
  level: v.picklist(['info', 'warning']),
  /** The setting, VIP or NIC that it happened to; empty for the run itself. */
  subject: v.string(),
  message: v.string(),
})

const keepReport = v.object({
  /** Process id of the `run`. */
  pid: v.number(),
  /** When it began, and when this was written, ISO 8601. */
  startedAt: v.string(),
  at: v.string(),
  config: v.object({
    file: v.string(),
    /** When the one in use was read, ISO 8601. */
    readAt: v.string(),
    /** Why the file is not the one in use; null when it is. */
    refused: v.nullable(v.string()),
  }),
  drain: v.picklist(['in rotation', 'drained', 'withdrawn']),
  vips: v.array(v.object({ address: ipAddress, bound: v.boolean(), evidence: v.string() })),
  nics: v.array(v.object({ name: v.string(), silent: v.boolean(), evidence: v.string() })),
  /** Why VIPs are unbound though they are configured; null when they are bound. */
  withdrawn: v.nullable(v.string()),
  /** Why it is not known whether this host is as wanted now: the last look failed, or does not end; null when it is known. */
  unsettled: v.nullable(v.string()),
  /** Of the last look at everything, and when that was (ISO 8601); null before the first one has ended. */
  checks: v.array(check),
  checkedAt: v.nullable(v.string()),
  repairs: v.array(repair),
  alarms: v.array(alarm),
  /** The latest last, and not more than some hundreds. */
  history: v.array(happening),
})

export type KeepReport = v.InferOutput<typeof keepReport>
export type Repair = v.InferOutput<typeof repair>
export type Alarm = v.InferOutput<typeof alarm>
export type Happening = v.InferOutput<typeof happening>

/** Whether a `run` keeps the host below this root a real server. */
export function isKept(root: string): boolean {
  return isLocked(join(root, KEEP_LOCK))
}

/** What the `run` that keeps this host a real server says; null when none is running. */
export function recallKeepReport(files: Files): KeepReport | null {
  if (!isKept(files.root)) return null
  const text = files.readText(REPORT)
  if (text === null) return null
  try {
    return v.parse(keepReport, JSON.parse(text))
  } catch {
    // Of another version, or damaged: the run writes another one soon.
    return null
  }
}

export function writeKeepReport(files: Files, report: KeepReport): void {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  files.write(REPORT, { content: `${JSON.stringify(report)}\n`, mode: 0o644, ...owner })
}

export function forgetKeepReport(files: Files): void {
  files.remove(REPORT)
}
