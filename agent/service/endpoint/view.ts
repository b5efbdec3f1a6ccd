import { hostname } from 'node:os'
import type { KeepReport } from '../../realserver/keep/report.ts'
import type { DirectorView } from './director-view.ts'

/** Everything that is told, as it is at the moment when it is asked for. */
export interface ServiceView {
  /** Of rs-agent. */
  version: string
  /** Name of the host. */
  host: string
  /** When this was looked at, ISO 8601. */
  at: string
  /** Between two looks at everything: what was checked long before that is known no more. */
  resyncIntervalMs: number
  /** Null where this host is not kept a real server. */
  realServer: KeepReport | null
  /** Null where this host is no director. */
  director: DirectorView | null
  process: ProcessView
}

/** What the process that tells costs. */
export interface ProcessView {
  pid: number
  /** ISO 8601. */
  startedAt: string
  residentBytes: number
  /** Of user and system, since it began. */
  cpuSeconds: number
}

export interface Sources {
  version: string
  resyncIntervalMs: number
  /** Null where there is no such role; asked anew each time. */
  realServer(): KeepReport | null
  director(): Promise<DirectorView | null>
}

/** Asks everybody who knows something. */
export async function lookAtService(sources: Sources): Promise<ServiceView> {
  const { version, resyncIntervalMs } = sources
  const director = await sources.director()
  return {
    version,
    host: hostname(),
    at: new Date().toISOString(),
    resyncIntervalMs,
    realServer: sources.realServer(),
    director,
    process: ownProcess(),
  }
}

function ownProcess(): ProcessView {
  const { user, system } = process.cpuUsage()
  return {
    pid: process.pid,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
  }
}
