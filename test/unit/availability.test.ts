import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { availability, type Candidate, type Health } from '../../agent/director/availability.ts'
import type { Outcome } from '../../agent/director/health/check.ts'
import { firstJudgement, judge, UNPROVEN } from '../../agent/director/health/judgement.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { Destination } from '../../agent/model/ipvs.ts'

const destination = (address: string, weight = 1): Destination => ({
  address: address as IpAddress,
  port: 80,
  forwarding: { method: 'direct-route' },
  weight,
  upperThreshold: 0,
  lowerThreshold: 0,
})
const FALLBACK = destination('127.0.0.1')
const candidate = (number: number, more: Partial<Candidate> = {}): Candidate => ({
  destination: destination(`10.10.10.${number}`, 3),
  health: 'up',
  sinceMs: 0,
  drained: false,
  forMs: null,
  ...more,
})
const POLICY = { onFailure: 'quiesce', fallback: null, minimumPercent: 0, slowStartMs: null } as const
const weights = (destinations: Destination[]) =>
  destinations.map(({ address, weight }) => `${address} ${weight}`)

describe('who serves', () => {
  it('is everybody who is up, as configured', () => {
    const { destinations, parts, usesFallback } = availability([candidate(1), candidate(2)], POLICY)
    expect(weights(destinations)).toEqual(['10.10.10.1 3', '10.10.10.2 3'])
    expect({ parts, usesFallback }).toEqual({ parts: ['serving', 'serving'], usesFallback: false })
  })

  it.each([
    ['quiesce', ['10.10.10.1 3', '10.10.10.2 0']],
    ['remove', ['10.10.10.1 3']],
  ] as const)('is not who is down (%s)', (onFailure, expected) => {
    const { destinations } = availability([candidate(1), candidate(2, { health: 'down' })], {
      ...POLICY,
      onFailure,
    })
    expect(weights(destinations)).toEqual(expected)
  })

  it('is not who was drained, whatever checks say and whatever becomes of those that are down', () => {
    const drained = (health: Health) => candidate(2, { health, drained: true })
    for (const health of ['up', 'down', 'unproven'] as const)
      expect(
        weights(
          availability([candidate(1), drained(health)], { ...POLICY, onFailure: 'remove' }).destinations,
        ),
      ).toEqual(['10.10.10.1 3', '10.10.10.2 0'])
  })

  it('is the fallback when nobody is left, and only then', () => {
    const policy = { ...POLICY, fallback: FALLBACK }
    const down = candidate(1, { health: 'down' })
    expect(weights(availability([down], policy).destinations)).toEqual(['10.10.10.1 0', '127.0.0.1 1'])
    expect(availability([down, candidate(2)], policy).usesFallback).toBe(false)
    expect(availability([candidate(1, { drained: true })], policy).usesFallback).toBe(true)
  })

  it('is, below the minimum, who failed last', () => {
    const candidates = [
      candidate(1, { health: 'down', sinceMs: 10 }),
      candidate(2, { health: 'down', sinceMs: 30 }),
      candidate(3, { health: 'unproven', sinceMs: 40 }),
      candidate(4),
    ]
    const { parts } = availability(candidates, { ...POLICY, minimumPercent: 50 })
    expect(parts).toEqual(['out', 'kept', 'out', 'serving'])
  })

  it('is the fallback rather than a minimum of which nobody is up', () => {
    const { parts, usesFallback } = availability([candidate(1, { health: 'down' })], {
      ...POLICY,
      fallback: FALLBACK,
      minimumPercent: 100,
    })
    expect({ parts, usesFallback }).toEqual({ parts: ['out'], usesFallback: true })
  })

  it('are no more than the minimum asks for, to the last one: 7% of 100 are 7', () => {
    const all = Array.from({ length: 100 }, (_, index) => candidate(index, { health: 'down' }))
    for (let minimumPercent = 0; minimumPercent <= 100; minimumPercent++) {
      const { parts } = availability(all, { ...POLICY, minimumPercent })
      expect(parts.filter(part => part === 'kept')).toHaveLength(minimumPercent)
    }
  })

  it('never are fewer than the minimum, nor more of those that are down than it takes', () => {
    const anyone = fc.record({
      health: fc.constantFrom<Health>('up', 'down', 'unproven'),
      sinceMs: fc.nat(100),
      drained: fc.boolean(),
      weight: fc.constantFrom(0, 1, 5, 10),
      forMs: fc.constantFrom(null, 0, 12_345, 40_000),
    })
    const percent = fc.constantFrom(0, 1, 34, 50, 100)
    const onFailure = fc.constantFrom<'quiesce' | 'remove'>('quiesce', 'remove')
    fc.assert(
      fc.property(
        fc.array(anyone, { maxLength: 8 }),
        percent,
        onFailure,
        fc.constantFrom(null, 30_000),
        (all, minimumPercent, onFailure, slowStartMs) => {
          const candidates = all.map(({ weight, ...rest }, index) =>
            candidate(index, { ...rest, destination: destination(`10.10.10.${index}`, weight) }),
          )
          const { destinations, parts } = availability(candidates, {
            onFailure,
            fallback: null,
            minimumPercent,
            slowStartMs,
          })
          const inRotation = candidates.filter(
            ({ drained, destination }) => !drained && destination.weight > 0,
          )
          const up = inRotation.filter(({ health }) => health === 'up').length
          const wanted = Math.max(up, Math.ceil((inRotation.length * minimumPercent) / 100))
          expect(destinations.filter(({ weight }) => weight > 0)).toHaveLength(wanted)
          for (const [index, { drained, health }] of candidates.entries())
            expect(parts[index]).toSatisfy(
              part =>
                part ===
                (drained ? 'drained' : health === 'up' ? 'serving' : part === 'kept' ? 'kept' : 'out'),
            )
        },
      ),
    )
  })
})

describe('what checks make of a real server', () => {
  const PASS: Outcome = { kind: 'pass', latencyMs: 1 }
  const FAIL: Outcome = { kind: 'fail', latencyMs: 2, why: 'refused' }
  const UNKNOWN: Outcome = { kind: 'unknown', latencyMs: 3, why: 'no descriptors' }
  const PATIENCE = { rise: 2, fall: 3 }
  const judged = (health: Health, ...outcomes: Outcome[]) =>
    outcomes.reduce(
      (before, outcome, index) => judge(before, outcome, PATIENCE, 100 + index),
      firstJudgement({ ...UNPROVEN, health }, 0),
    )

  it('takes it out after as many failures in a row as `fall` says', () => {
    expect(judged('up', FAIL, FAIL)).toMatchObject({ health: 'up', against: 2, why: 'refused' })
    expect(judged('up', FAIL, FAIL, FAIL)).toMatchObject({
      health: 'down',
      sinceMs: 102,
      against: 0,
      why: 'refused',
    })
    expect(judged('up', FAIL, FAIL, PASS, FAIL, FAIL)).toMatchObject({ health: 'up', against: 2 })
  })

  it('takes it back after as many passes in a row as `rise` says', () => {
    expect(judged('down', PASS)).toMatchObject({ health: 'down', against: 1 })
    expect(judged('down', PASS, PASS)).toMatchObject({ health: 'up', sinceMs: 101, why: '' })
    expect(judged('down', PASS, FAIL, PASS)).toMatchObject({ health: 'down', against: 1, why: 'refused' })
  })

  it('believes the first try of one that is new', () => {
    expect(judged('unproven', PASS)).toMatchObject({ health: 'up' })
    expect(judged('unproven', FAIL)).toMatchObject({ health: 'down', why: 'refused' })
  })

  it('begins with since when and why, as last reported, whatever became of the clock', () => {
    const known = { health: 'down', sinceMs: 40, why: 'refused' } as const
    expect(firstJudgement(known, 100)).toMatchObject(known)
    expect(firstJudgement(known, 30)).toMatchObject({ ...known, sinceMs: 30 })
  })

  it('learns nothing from a try that could not be made', () => {
    for (const health of ['up', 'down', 'unproven'] as const)
      expect(judged(health, ...Array<Outcome>(9).fill(UNKNOWN))).toEqual({
        ...firstJudgement({ ...UNPROVEN, health }, 0),
        unaskedTries: 9,
        unasked: 'no descriptors',
      })
    expect(judged('up', FAIL, FAIL, UNKNOWN, FAIL)).toMatchObject({ health: 'down' })
  })

  it('keeps what a passed try told, until one that passes tells otherwise', () => {
    const NOTED: Outcome = { ...PASS, note: 'its certificate ends in 3 days' } as Outcome
    expect(judged('up', NOTED, FAIL, UNKNOWN)).toMatchObject({ note: 'its certificate ends in 3 days' })
    expect(judged('up', NOTED, PASS)).toMatchObject({ note: '' })
  })

  it('says that it cannot ask as late as it would say that one is down', () => {
    expect(judged('up', UNKNOWN, UNKNOWN)).toMatchObject({ unasked: '' })
    expect(judged('up', UNKNOWN, UNKNOWN, UNKNOWN)).toMatchObject({ unasked: 'no descriptors' })
    for (const answered of [PASS, FAIL])
      expect(judged('up', UNKNOWN, UNKNOWN, UNKNOWN, answered)).toMatchObject({
        unaskedTries: 0,
        unasked: '',
      })
  })
})
