import { describe, expect, it } from 'vitest'
import type { RotationReport } from '../../agent/director/rotation-report.ts'
import type { FoundDestination, FoundPool, Traffic } from '../../agent/model/ipvs.ts'
import { type DirectorView, directorView } from '../../agent/service/endpoint/director-view.ts'
import { address, NOW, secondsAgo } from '../support/service-view.ts'

const SERVICE = '10.10.10.100:80/tcp'

describe('the view of a pool', () => {
  it.each<[string, Partial<FoundDestination>, Partial<StandingOf>, string]>([
    ['serves', {}, {}, 'serving'],
    ['is down and kept', {}, { health: 'down', part: 'kept' }, 'kept'],
    ['is down and gets nothing new', { weight: 0 }, { health: 'down', part: 'out' }, 'resting'],
    ['was drained', { weight: 0 }, { part: 'drained' }, 'drained'],
  ])('has a real server that %s', (_, destination, standing, state) => {
    expect(rowsOf([found(destination)], { '10.10.10.12:80': standingOf(standing) })).toMatchObject([
      { realServer: '10.10.10.12:80', state, health: standing.health ?? 'up', latencyMs: 1.5 },
    ])
  })

  it('has a real server that was removed from the table, and why', () => {
    const why = 'connection refused'
    expect(rowsOf([], { '10.10.10.12:80': standingOf({ health: 'down', part: 'out', why }) })).toMatchObject([
      { state: 'out', health: 'down', why, since: secondsAgo(60), table: null },
    ])
  })

  it('says what keeps a check from asking', () => {
    const rows = rowsOf([found()], {
      '10.10.10.12:80': standingOf({ note: 'ends soon', unasked: 'no route' }),
    })
    expect(rows[0]?.why).toBe('ends soon; not asked now: no route')
  })

  it('knows the fallback from a real server', () => {
    const fallback = found({ address: address('127.0.0.1'), forwarding: { method: 'local' } })
    const rows = rowsOf([fallback], { '10.10.10.12:80': standingOf({ health: 'down', part: 'out' }) }, true)
    expect(rows.map(({ realServer, state }) => [realServer, state])).toEqual([
      ['127.0.0.1:80', 'fallback'],
      ['10.10.10.12:80', 'out'],
    ])
  })

  it('knows who was drained where no run is alive', () => {
    const drained = new Set([address('10.10.10.12')])
    const view = directorView({
      at: secondsAgo(0),
      pools: [poolOf([found({ weight: 0 })])],
      run: null,
      drained,
    })
    expect(view.run).toBeNull()
    expect(view.services[0]?.realServers).toMatchObject([{ state: 'drained', health: null }])
  })

  it('has alarms in words, with what to do', () => {
    const vip = address('10.10.10.100')
    const claim = { vip, mac: '02:00:00:00:00:0d', address: address('10.10.10.13'), asked: 'alone' as const }
    const run = { ...runOf({}, false), alarms: [{ ...claim, since: secondsAgo(60), heardAt: secondsAgo(1) }] }
    expect(directorView({ at: secondsAgo(0), pools: [], run, drained: new Set() }).alarms).toMatchObject([
      {
        subject: '10.10.10.13',
        message: expect.stringContaining('answers ARP for 10.10.10.100'),
        lastAt: secondsAgo(1),
      },
    ])
  })
})

type StandingOf = RotationReport['services'][string]['realServers'][string]

function standingOf(differing: Partial<StandingOf> = {}): StandingOf {
  const told = { why: '', unasked: '', note: '', latencyMs: 1.5 }
  return { health: 'up', sinceMs: NOW - 60_000, ...told, part: 'serving', ...differing }
}

function rowsOf(
  destinations: FoundDestination[],
  standings: Record<string, StandingOf>,
  fallback = false,
): DirectorView['services'][number]['realServers'] {
  const run = runOf(standings, fallback)
  const view = directorView({ at: secondsAgo(0), pools: [poolOf(destinations)], run, drained: new Set() })
  return view.services[0]?.realServers ?? []
}

function runOf(realServers: Record<string, StandingOf>, fallback: boolean): RotationReport {
  const services = { [SERVICE]: { fallback, realServers } }
  return { pid: 1, at: secondsAgo(1), refusedConfig: null, services, inRotation: {}, alarms: [] }
}

function poolOf(destinations: FoundDestination[]): FoundPool {
  const key = { kind: 'address', protocol: 'tcp', address: address('10.10.10.100'), port: 80 } as const
  const plain = { schedulerFlags: [], onePacket: false, persistence: null, persistenceEngine: null }
  return { service: { key, scheduler: 'wlc', ...plain, traffic: NO_TRAFFIC }, destinations }
}

function found(differing: Partial<FoundDestination> = {}): FoundDestination {
  return {
    address: address('10.10.10.12'),
    port: 80,
    forwarding: { method: 'direct-route' },
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    traffic: NO_TRAFFIC,
    ...differing,
  }
}

const NO_TRAFFIC: Traffic = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionsPerSecond: 0,
  inPacketsPerSecond: 0,
  outPacketsPerSecond: 0,
  inBytesPerSecond: 0,
  outBytesPerSecond: 0,
}
