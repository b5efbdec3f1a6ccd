import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { wantedDirector } from '../../agent/director/desired.ts'
import { destinationEdits } from '../../agent/director/health/edits.ts'
import { RotationTimes } from '../../agent/director/in-rotation.ts'
import type { TimesInRotation } from '../../agent/director/rotation.ts'
import type { RotationReport, Standings } from '../../agent/director/rotation-report.ts'
import { slowStartWeights, untilNextStep } from '../../agent/director/slow-start.ts'
import { slowStartEvents } from '../../agent/director/slow-start-events.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { destinationText } from '../../agent/model/ipvs.ts'
import { configText } from '../support/config-text.ts'
import { unusedPool } from '../support/fake-ipvs.ts'

const SLOW_MS = 30_000
const starter = (weight: number, forMs: number | null) => ({ weight, forMs })

describe('the weight of one that comes back', () => {
  it('grows from a tenth to the whole in nine steps, and is whole at the end of its time', () => {
    const at = (forMs: number) =>
      slowStartWeights([starter(100, null), starter(100, forMs)], SLOW_MS)[1] ?? Number.NaN
    expect([0, 3_333, 3_334, 15_000, 26_666, 29_999, 30_000].map(at)).toEqual([10, 10, 20, 50, 80, 90, 100])
  })

  it('has fewer steps where they would come more than once a second', () => {
    const at = (forMs: number) => slowStartWeights([starter(100, null), starter(100, forMs)], 2_000)[1]
    expect([0, 999, 1_000, 1_999, 2_000].map(at)).toEqual([10, 10, 55, 55, 100])
  })

  it.each([
    ['one that nobody serves beside has all', [starter(50, 0)], [50]],
    ['nor does one of weight 0 serve beside it', [starter(0, null), starter(50, 0)], [0, 50]],
    ['those that return together keep their ratio', [starter(30, 0), starter(20, 0)], [30, 20]],
    ['one that returned earlier has more', [starter(100, 10_000), starter(100, 0)], [100, 25]],
    ['one that has been there for long has all', [starter(100, null), starter(100, 10_000)], [100, 40]],
    ['a clock that is behind starts it over', [starter(100, null), starter(100, -5)], [100, 10]],
  ])('%s', (_, serving, weights) => expect(slowStartWeights(serving, SLOW_MS)).toEqual(weights))

  it('is its own, at once, where there is no slow start', () => {
    expect(slowStartWeights([starter(100, null), starter(100, 0)], null)).toEqual([100, 100])
  })

  it('never is nothing nor more than its own; somebody has the whole; and it never falls as time goes on', () => {
    const one = fc.record({
      weight: fc.integer({ min: 10, max: 65_535 }),
      forMs: fc.option(fc.nat(40_000), { nil: null }),
    })
    fc.assert(
      fc.property(fc.array(one, { minLength: 1 }), fc.nat(20_000), (serving, laterMs) => {
        const weights = slowStartWeights(serving, SLOW_MS)
        for (const [index, { weight }] of serving.entries()) {
          expect(weights[index]).toBeGreaterThanOrEqual(1)
          expect(weights[index]).toBeLessThanOrEqual(weight)
        }
        expect(weights.some((weight, index) => weight === serving[index]?.weight)).toBe(true)
        const later = slowStartWeights(
          serving.map(({ weight, forMs }) => starter(weight, forMs === null ? null : forMs + laterMs)),
          SLOW_MS,
        )
        if (serving.some(({ forMs }) => forMs === null))
          for (const [index, weight] of weights.entries()) expect(later[index]).toBeGreaterThanOrEqual(weight)
      }),
    )
  })

  it('changes at the times that are told, and at no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2_000, max: 600_000 }), fc.nat(700_000), (slowMs, forMs) => {
        const at = (ms: number) => slowStartWeights([starter(1000, null), starter(1000, ms)], slowMs)[1]
        const leftMs = untilNextStep(forMs, slowMs)
        if (leftMs === null) return void expect(at(forMs)).toBe(1000)
        expect(leftMs).toBeGreaterThan(0)
        expect(at(forMs + leftMs - 0.01)).toBe(at(forMs))
        expect(at(forMs + leftMs + 0.01)).toBeGreaterThan(at(forMs) ?? Number.NaN)
      }),
    )
  })
})

const { load } = configText()
const SERVICE = '10.10.10.100:80/tcp'
const NAMES = ['10.10.10.1:80', '10.10.10.2:80', '10.10.10.3:80']
const TEXT = `director:
  interface: eth0
  services:
    - listen: 10.10.10.100:80/tcp
      slowStart: 30s
      realServers:
${[100, 100, 50].map((weight, index) => `        - { address: 10.10.10.${index + 1}, weight: ${weight} }\n`).join('')}`
let config: Config
beforeEach(() => {
  config = load(TEXT)
})

/** A run with its own clock, and a table that takes what it is given. */
class Run {
  nowMs = 0
  down = new Set<string>()
  drained = new Set<IpAddress>()
  readonly times = new RotationTimes(() => this.nowMs)
  served = wantedDirector(config)
  events: string[] = []
  edits = 0

  rotation(inRotation: TimesInRotation = this.times.times()) {
    return { drained: this.drained, standings: this.#standings(), inRotation }
  }

  settle(): void {
    const wanted = wantedDirector(config, this.rotation())
    this.edits += destinationEdits(this.served.pools, wanted.pools).length
    this.events.push(
      ...slowStartEvents(this.served, wanted).map(
        ({ subject, message }) => `${subject.replace(/:80 .*/, '')} ${message}`,
      ),
    )
    this.served = wanted
    this.times.note(wanted)
  }

  /** Looks each second, as a run does. */
  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += 1_000
      if (this.times.isStepDue) this.settle()
    }
  }

  /** As others read it. */
  report(): Pick<RotationReport, 'inRotation'> {
    return JSON.parse(JSON.stringify({ inRotation: this.times.report(this.served.pools) }))
  }

  get weights(): number[] {
    return this.#destinations.map(({ weight }) => weight)
  }

  get table() {
    return this.served.pools.map(unusedPool)
  }

  get #destinations() {
    return this.served.pools[0]?.destinations ?? []
  }

  #standings(): Standings {
    const up = { health: 'up', sinceMs: 0, why: '', unasked: '', note: '', latencyMs: null } as const
    return {
      [SERVICE]: Object.fromEntries(
        NAMES.map(name => [name, this.down.has(name) ? { ...up, health: 'down' as const } : up]),
      ),
    }
  }
}

function started(): Run {
  const run = new Run()
  run.settle()
  return run
}

const [FIRST = '', SECOND = ''] = NAMES

describe('a run with slow starts', () => {
  it('begins with whole weights, and gives one that comes back its weight in steps', () => {
    const run = started()
    run.pass(60_000)
    expect([run.weights, run.edits, run.times.isStepDue]).toEqual([[100, 100, 50], 0, false])
    run.down.add(FIRST)
    run.settle()
    run.down.clear()
    run.settle()
    expect(run.weights).toEqual([10, 100, 50])
    run.pass(15_000)
    expect(run.weights).toEqual([50, 100, 50])
    run.pass(15_000)
    expect([run.weights, run.times.isStepDue]).toEqual([[100, 100, 50], false])
    // Out, in, and nine steps.
    expect(run.edits).toBe(11)
    expect(run.events).toEqual([
      '10.10.10.1 slow start of 30 s: weight 10 of 100',
      '10.10.10.1 the slow start is over: weight 100',
    ])
  })

  it('starts over when it fails in between, and says nothing of an end', () => {
    const run = started()
    run.pass(60_000)
    run.drained.add('10.10.10.1' as IpAddress)
    run.settle()
    run.drained.clear()
    run.settle()
    run.pass(15_000)
    run.down.add(FIRST)
    run.settle()
    run.down.clear()
    run.settle()
    expect(run.weights).toEqual([10, 100, 50])
    expect(run.events).toHaveLength(2)
  })

  it('gives the only one all, and those that follow it what is theirs', () => {
    const run = started()
    run.pass(60_000)
    run.down = new Set(NAMES)
    run.settle()
    run.down.delete(FIRST)
    run.settle()
    expect(run.weights).toEqual([100, 0, 0])
    run.pass(10_000)
    run.down.delete(SECOND)
    run.settle()
    // A third of its time is behind the first, which has four tenths: a quarter of that is one tenth.
    expect(run.weights).toEqual([100, 25, 0])
    run.pass(40_000)
    expect(run.weights).toEqual([100, 100, 0])
  })

  it('is gone on with by the next run after a kill, from the weight that the table has', () => {
    const run = started()
    run.pass(60_000)
    run.down.add(FIRST)
    run.settle()
    run.down.clear()
    run.settle()
    run.pass(15_000)
    const next = new Run()
    next.nowMs = 7
    next.times.adopt(run.table, run.report() as RotationReport, next.served)
    next.settle()
    expect(next.weights).toEqual(run.weights)
    // What has passed of the last step is lost.
    next.pass(18_000)
    expect(next.weights).toEqual([100, 100, 50])
  })

  it('never begins with one that the table has in rotation, whatever an old report says', () => {
    const run = started()
    run.pass(60_000)
    run.down.add(FIRST)
    run.settle()
    run.down.clear()
    run.settle()
    const old = run.report() as RotationReport
    run.pass(40_000)
    const next = new Run()
    next.times.adopt(run.table, old, next.served)
    next.settle()
    expect(next.weights).toEqual([100, 100, 50])
    const lessByHand = run.table.map(pool => ({
      ...pool,
      destinations: pool.destinations.map(each => ({ ...each, weight: 7 })),
    }))
    const another = new Run()
    another.times.adopt(lessByHand, null, another.served)
    another.settle()
    expect(another.weights).toEqual([100, 100, 50])
  })

  it('has one that the table does not have begin slowly beside those that it has', () => {
    const run = started()
    run.down.add(FIRST)
    run.settle()
    const next = new Run()
    next.times.adopt(run.table, null, next.served)
    next.settle()
    expect(next.weights).toEqual([10, 100, 50])
  })

  it('agrees with every other command at every moment, keeps somebody whole, and comes to an end', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
      fc.record({ kind: fc.constantFrom('fail', 'return', 'drain', 'undrain'), index: fc.nat(2) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), actions => {
        const run = started()
        for (const each of actions) {
          if (each.kind === 'pass') run.pass(each.ms)
          else {
            act(run, each.kind, each.index)
            run.settle()
          }
          // What apply, plan and status work out, from what the run has written down.
          const { inRotation } = run.report()
          const others = wantedDirector(config, run.rotation(inRotation))
          expect(destinationEdits(run.served.pools, others.pools)).toEqual([])
          // Killed here, the next run leaves every weight as it is.
          const next = new Run()
          next.down = run.down
          next.drained = run.drained
          next.times.adopt(run.table, run.report() as RotationReport, next.served)
          next.settle()
          expect(next.weights).toEqual(run.weights)
          const [pool] = run.served.pools
          const whole = pool?.candidates.map(({ destination }) => destination.weight) ?? []
          if (run.weights.some(weight => weight > 0))
            expect(run.weights.some((weight, index) => weight === whole[index])).toBe(true)
        }
        run.pass(SLOW_MS + 1_000)
        const parts = run.served.pools[0]?.parts ?? []
        expect(run.weights).toEqual(
          [100, 100, 50].map((own, index) => (parts[index] === 'serving' ? own : 0)),
        )
        expect(run.times.isStepDue).toBe(false)
        const starts = run.events.filter(event => event.includes('slow start of')).length
        expect(run.events.length).toBeLessThanOrEqual(2 * starts)
      }),
    )
  })

  it('has another command begin the slow start of one that it lets in, before the run hears of it', () => {
    const run = started()
    run.pass(60_000)
    run.drained.add('10.10.10.2' as IpAddress)
    run.settle()
    run.drained.clear()
    const [pool] = wantedDirector(config, run.rotation(run.report().inRotation)).pools
    expect(pool?.destinations.map(each => [destinationText(each), each.weight])).toContainEqual([SECOND, 10])
  })

  it('tells how much is left', () => {
    const run = started()
    run.pass(60_000)
    run.down.add(FIRST)
    run.settle()
    run.down.clear()
    run.settle()
    run.pass(15_000)
    const { forMs, slowStart } = run.report().inRotation[SERVICE]?.[FIRST] ?? {}
    expect({ forMs, slowStart }).toMatchObject({ slowStart: { weight: 50, of: 100 } })
    const leftMs = Date.parse(slowStart?.endsAt ?? '') - Date.now()
    expect(leftMs).toBeGreaterThan(14_000)
    expect(leftMs).toBeLessThanOrEqual(15_000)
  })
})

function act(run: Run, kind: 'fail' | 'return' | 'drain' | 'undrain' | (string & {}), index: number): void {
  const name = NAMES[index] ?? ''
  const address = name.replace(':80', '') as IpAddress
  if (kind === 'fail') run.down.add(name)
  if (kind === 'return') run.down.delete(name)
  if (kind === 'drain') run.drained.add(address)
  if (kind === 'undrain') run.drained.delete(address)
}
