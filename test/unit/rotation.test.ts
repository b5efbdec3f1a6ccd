import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { readDrained, writeDrained } from '../../agent/director/drained.ts'
import { destinationEdits } from '../../agent/director/health/edits.ts'
import { adopt } from '../../agent/director/health/members.ts'
import { forgetRotation } from '../../agent/director/rotation.ts'
import {
  type RotationReport,
  RUN_LOCK,
  readReport,
  recallReport,
  type Standings,
  writeReport,
} from '../../agent/director/rotation-report.ts'
import { checkEvents, NOTHING_TOLD } from '../../agent/director/run-events.ts'
import { filesBelow } from '../../agent/host/files.ts'
import { isLocked, withLock } from '../../agent/host/lock.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { type Destination, type Pool, type ServiceKey, serviceText } from '../../agent/model/ipvs.ts'
import { fakeIpvs, unusedPool } from '../support/fake-ipvs.ts'

const KEY: ServiceKey = { kind: 'address', protocol: 'tcp', address: '10.10.10.100' as IpAddress, port: 80 }
const SERVICE = serviceText(KEY)
const server = (number: number, weight = 1): Destination => ({
  address: `10.10.10.${number}` as IpAddress,
  port: 80,
  forwarding: { method: 'direct-route' },
  weight,
  upperThreshold: 0,
  lowerThreshold: 0,
})
const pool = (...destinations: Destination[]): Pool => ({
  service: {
    key: KEY,
    scheduler: 'rr',
    schedulerFlags: [],
    onePacket: false,
    persistence: null,
    persistenceEngine: null,
  },
  destinations,
})

describe('from one rotation to the next', () => {
  it('takes no edit where nothing changes', () => {
    expect(destinationEdits([pool(server(1), server(2))], [pool(server(2), server(1))])).toEqual([])
  })

  it('lets others come before anybody leaves', () => {
    const edits = destinationEdits(
      [pool(server(1), server(2, 0), server(3))],
      [pool(server(2), server(1, 0), server(4))],
    )
    expect(edits.map(edit => [edit.edit, 'destination' in edit ? edit.destination.address : ''])).toEqual([
      ['add-destination', '10.10.10.4'],
      ['edit-destination', '10.10.10.2'],
      ['edit-destination', '10.10.10.1'],
      ['delete-destination', '10.10.10.3'],
    ])
  })

  it('is what the kernel then has, and on the way there it is never without a real server', () => {
    const table = fc
      .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 })), {
        selector: ([number]) => number,
      })
      .map(all => all.map(([number, weight]) => server(number, weight)))
    const serves = (destinations: readonly Destination[]) => destinations.some(({ weight }) => weight > 0)
    return fc.assert(
      fc.asyncProperty(table, table, async (before, after) => {
        const found = { pools: [unusedPool(pool(...before))], timeouts: {}, daemons: [] }
        const seen: boolean[] = []
        const ipvs = fakeIpvs(
          () => ({ found, links: [] }),
          (_, make) => {
            make()
            seen.push(serves(found.pools[0]?.destinations ?? []))
          },
        )
        await ipvs.edit(destinationEdits([pool(...before)], [pool(...after)]))
        const key = ({ address, weight }: Destination) => `${address} ${weight}`
        expect(found.pools[0]?.destinations.map(key).sort()).toEqual(after.map(key).sort())
        if (serves(before) && serves(after)) expect(seen).not.toContain(false)
      }),
    )
  })
})

describe('a director that runs again', () => {
  const report = (address: string, more: object): RotationReport => ({
    pid: 1,
    at: '',
    refusedConfig: null,
    services: {
      [SERVICE]: {
        fallback: false,
        realServers: {
          [`${address}:80`]: {
            health: 'down',
            part: 'out',
            sinceMs: 0,
            why: '',
            unasked: '',
            note: '',
            latencyMs: null,
            ...more,
          },
        },
      },
    },
    inRotation: {},
    alarms: [],
  })
  const found = (...destinations: Destination[]) => [unusedPool(pool(...destinations))]

  it.each([
    ['serves', found(server(1)), null, 'up'],
    ['rests', found(server(1, 0)), null, 'down'],
    ['is absent, and was never seen', found(), null, 'unproven'],
    ['is absent, because it failed', found(), report('10.10.10.1', {}), 'down'],
    ['serves only because too few do', found(server(1)), report('10.10.10.1', { part: 'kept' }), 'down'],
    [
      'is drained, and was up',
      found(server(1, 0)),
      report('10.10.10.1', { part: 'drained', health: 'up' }),
      'up',
    ],
    ['serves again, whatever the last run said', found(server(1)), report('10.10.10.1', {}), 'up'],
    ['has no service yet', [], null, 'unproven'],
  ] as const)('takes one that %s for what it is', (_, table, last, expected) => {
    expect(adopt(table, last)(SERVICE, server(1))).toMatchObject({ health: expected })
  })

  it('knows since when one is out, and why, as long as it is the same that was reported', () => {
    const last = report('10.10.10.1', { sinceMs: 77, why: 'it refuses the connection' })
    const known = { health: 'down', sinceMs: 77, why: 'it refuses the connection' }
    expect(adopt(found(server(1, 0)), last)(SERVICE, server(1))).toEqual(known)
    expect(adopt(found(), last)(SERVICE, server(1))).toEqual(known)
    const nothing = { sinceMs: null, why: '' }
    expect(adopt(found(server(1)), last)(SERVICE, server(1))).toEqual({ health: 'up', ...nothing })
    expect(adopt(found(server(2, 0)), last)(SERVICE, server(2))).toEqual({ health: 'down', ...nothing })
  })
})

describe('what commands tell each other', () => {
  const root = mkdtempSync(join(tmpdir(), 'rs-agent-rotation-'))
  const files = filesBelow(root)
  afterAll(() => rmSync(root, { recursive: true }))
  beforeEach(() => forgetRotation(files))

  it('outlasts them: who is drained', () => {
    expect(readDrained(files)).toEqual(new Set())
    writeDrained(files, new Set(['10.10.10.1', '2001:db8::1'] as IpAddress[]))
    expect([...readDrained(files)]).toEqual(['10.10.10.1', '2001:db8::1'])
    writeDrained(files, new Set())
    expect(files.list('var/lib/rs-agent')).toEqual([])
  })

  it('is believed of checks only as long as somebody makes them', async () => {
    const report: RotationReport = {
      pid: 1,
      at: '',
      refusedConfig: null,
      services: {},
      inRotation: {},
      alarms: [],
    }
    writeReport(files, report)
    expect(readReport(files)).toEqual(report)
    expect(recallReport(files)).toBe(null)
    const during = await withLock(root, async () => [recallReport(files), recallReport(files)], RUN_LOCK)
    expect(during).toEqual([report, report])
    expect(recallReport(files)).toBe(null)
  })

  it('can be asked for while somebody wants to begin', async () => {
    const path = join(root, RUN_LOCK)
    await withLock(root, async () => undefined, RUN_LOCK)
    const outcomes = Array.from({ length: 100 }, () =>
      withLock(root, async () => isLocked(path), RUN_LOCK).catch(error => error.code),
    )
    // One of all holds it first, and every question is answered by it alone.
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([true, 'locked']))
  })

  it.each([
    '',
    '{',
    '{}',
    '[]',
    'null',
    '{"pid":1,"services":3}',
    '{"pid":1,"at":"","refusedConfig":null,"services":null,"inRotation":{},"alarms":[]}',
    '{"pid":1,"at":"","refusedConfig":null,"services":{"x":{"fallback":false,"realServers":null}},"inRotation":{},"alarms":[]}',
  ])('is nothing of checks where the file holds %j', text => {
    writeReport(files, { pid: 1, at: '', refusedConfig: null, services: {}, inRotation: {}, alarms: [] })
    writeFileSync(join(root, 'run/rs-agent/director-rotation.json'), text)
    expect(readReport(files)).toBe(null)
  })

  it.each(['', '{', '[]', 'null', '{"addresses":null}', '{"addresses":["10.10.10.1","x"]}'])(
    'is an error where who is drained cannot be told, by %j',
    text => {
      writeDrained(files, new Set(['10.10.10.1'] as IpAddress[]))
      writeFileSync(join(root, 'var/lib/rs-agent/director-drained.json'), text)
      expect(() => readDrained(files)).toThrow(
        /director-drained.json is damaged: who is drained is not known/,
      )
    },
  )
})

describe('checks that cannot be made', () => {
  const standings = (...unasked: string[]): Standings => ({
    [SERVICE]: Object.fromEntries(
      unasked.map((why, index) => [
        `10.10.10.${index}:80`,
        { health: 'up', sinceMs: 0, why: '', unasked: why, note: '', latencyMs: 1 },
      ]),
    ),
  })
  const events = (before: Standings, now: Standings) =>
    checkEvents(checkEvents(NOTHING_TOLD, before).told, now).events.map(
      ({ level, message }) => `${level} ${message}`,
    )

  it('are told of once for each reason, and when all can be made again', () => {
    const cut = 'eth0 has no carrier'
    expect(events(standings('', ''), standings('', ''))).toEqual([])
    expect(events(standings('', ''), standings(cut, cut))).toEqual([
      `warning real servers stay unchecked, and in or out as before: ${cut}`,
    ])
    expect(events(standings(cut, cut), standings(cut, ''))).toEqual([])
    expect(events(standings(cut, ''), standings('', 'no descriptor'))).toEqual([
      'warning real servers stay unchecked, and in or out as before: no descriptor',
    ])
    expect(events(standings(cut, ''), standings('', ''))).toEqual([
      'info all real servers can be checked again',
    ])
  })
})

describe('checks that pass with a remark', () => {
  const of = (note: string) => ({
    health: 'up' as const,
    sinceMs: 0,
    why: '',
    unasked: '',
    note,
    latencyMs: 1,
  })
  const ENDS = 'its certificate ends in 3 days'

  it('have it told once for each real server, and again when it changes', () => {
    const standings = (note: string): Standings => ({
      [SERVICE]: { '10.10.10.1:443': of(note), '10.10.10.2:443': of('') },
      'another service': { '10.10.10.1:443': of(note) },
    })
    const first = checkEvents(NOTHING_TOLD, standings(ENDS))
    expect(first.events).toEqual([
      { level: 'warning', subject: '10.10.10.1:443', message: `it passes, but ${ENDS}` },
    ])
    expect(checkEvents(first.told, standings(ENDS)).events).toEqual([])
    expect(checkEvents(first.told, standings('its certificate ends in 2 days')).events).toHaveLength(1)
    expect(checkEvents(first.told, standings('')).events).toEqual([])
  })
})
