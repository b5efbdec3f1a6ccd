import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import type { KeepReport } from '../../agent/realserver/keep/report.ts'
import type { DirectorView, RealServerRow } from '../../agent/service/endpoint/director-view.ts'
import type { ServiceView } from '../../agent/service/endpoint/view.ts'

/** What a run tells, for tests of what is made of it. */

/** When all of it was looked at. */
export const NOW = Date.parse('2026-11-29T12:00:00Z')

export function secondsAgo(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString()
}

export function address(text: string): IpAddress {
  const parsed = parseIpAddress(text)
  if (parsed === null) throw new Error(`${text} is no address`)
  return parsed
}

type CheckOfReport = KeepReport['checks'][number]

export function check(
  id: string,
  verdict: CheckOfReport['verdict'],
  subject = '10.10.10.100',
): CheckOfReport {
  const isBad = verdict === 'fail' || verdict === 'unknown'
  return { id, subject, verdict, evidence: `evidence of ${id}`, hint: isBad ? `mend ${id}` : '' }
}

/** A real server with which nothing is wrong. */
export function keepReport(differing: Partial<KeepReport> = {}): KeepReport {
  return {
    pid: 4711,
    startedAt: secondsAgo(3_600),
    at: secondsAgo(2),
    config: { file: '/etc/rs-agent/config.yaml', readAt: secondsAgo(3_600), refused: null },
    drain: 'in rotation',
    vips: [{ address: address('10.10.10.100'), bound: true, evidence: '10.10.10.100/32 on lo, scope host' }],
    nics: [{ name: 'eth0', silent: true, evidence: 'arp_ignore 1, arp_announce 2' }],
    withdrawn: null,
    unsettled: null,
    checks: ['vip-bound', 'vip-route', 'arp-sysctl', 'arp-silence', 'service-answers', 'nfs-mounted'].map(
      id => check(id, 'pass'),
    ),
    checkedAt: secondsAgo(20),
    repairs: [],
    alarms: [],
    history: [{ at: secondsAgo(3_600), level: 'info', subject: '', message: 'running' }],
    ...differing,
  }
}

/** A director with one service and one real server that serves. */
export function directorView(differing: Partial<DirectorView> = {}): DirectorView {
  return {
    at: secondsAgo(1),
    run: { pid: 4712, at: secondsAgo(3), refusedConfig: null },
    services: [
      {
        service: '10.10.10.100:80/tcp',
        scheduler: 'wlc',
        persistenceSeconds: null,
        usesFallback: false,
        rates: { connectionsPerSecond: 12, inBytesPerSecond: 4_321, outBytesPerSecond: 0 },
        realServers: [realServerRow()],
      },
    ],
    alarms: [],
    ...differing,
  }
}

export function realServerRow(differing: Partial<RealServerRow> = {}): RealServerRow {
  return {
    realServer: '10.10.10.12:80',
    state: 'serving',
    health: 'up',
    why: '',
    since: secondsAgo(600),
    latencyMs: 1.25,
    table: {
      forwarding: 'direct-route',
      weight: 10,
      activeConnections: 42,
      inactiveConnections: 1_234,
      persistentConnections: 0,
      connections: 56_789,
      inBytes: 1_000_000,
      outBytes: 0,
      rates: { connectionsPerSecond: 12, inBytesPerSecond: 4_321, outBytesPerSecond: 0 },
    },
    ...differing,
  }
}

export function serviceView(differing: Partial<ServiceView> = {}): ServiceView {
  return {
    version: '0.1.0',
    host: 'rs1',
    at: new Date(NOW).toISOString(),
    resyncIntervalMs: 60_000,
    realServer: keepReport(),
    director: null,
    process: { pid: 4711, startedAt: secondsAgo(3_600), residentBytes: 50_000_000, cpuSeconds: 1.5 },
    ...differing,
  }
}
