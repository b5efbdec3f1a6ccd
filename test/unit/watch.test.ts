import { expect, it } from 'vitest'
import type { Health } from '../../agent/director/availability.ts'
import type { Check, Outcome } from '../../agent/director/health/check.ts'
import type { Known } from '../../agent/director/health/judgement.ts'
import { type Pace, Watch, type Watched, watchKey } from '../../agent/director/health/watch.ts'

/** Longer than a test may take: what comes before it came by another time. */
const INTERVAL_MS = 60_000
const PACE: Pace = {
  intervalMs: INTERVAL_MS,
  retryMs: 10,
  timeoutMs: 1_000,
  rise: 2,
  fall: 3,
  jitter: 0,
}

const known = (health: Health, sinceMs: number | null = null, why = ''): Known => ({ health, sinceMs, why })
const follow = (check: Check, pace: Partial<Pace> = {}): Watched => ({
  check,
  pace: { ...PACE, ...pace },
  first: known('up'),
})

/** Says one after the other, then nothing more. */
function checkThatSays(...kinds: Outcome['kind'][]): Check & { tries: number } {
  return {
    key: 'a check',
    tries: 0,
    async try() {
      const kind = kinds[this.tries++]
      if (kind === undefined) return new Promise(() => undefined)
      return kind === 'pass' ? { kind, latencyMs: 1 } : { kind, latencyMs: 1, why: `number ${this.tries}` }
    },
    close() {},
  }
}

async function untilChange(first: 'up' | 'down', check: Check) {
  const changed = Promise.withResolvers<void>()
  const watch = new Watch(() => changed.resolve())
  watch.follow([{ check, pace: PACE, first: known(first) }])
  try {
    await changed.promise
    return watch.judgementOf(watchKey({ check, pace: PACE }))
  } finally {
    watch.end()
  }
}

it('asks again after the retry interval, once a try has failed, until that is believed', async () => {
  const check = checkThatSays('fail', 'unknown', 'fail', 'fail')
  expect(await untilChange('up', check)).toMatchObject({ health: 'down', why: 'number 4' })
  expect(check.tries).toBe(4)
})

it('asks again as soon when one that is down has begun to pass', async () => {
  const check = checkThatSays('pass', 'pass')
  expect(await untilChange('down', check)).toMatchObject({ health: 'up' })
})

it('asks no sooner than the interval while tries say what is known', async () => {
  const watch = new Watch(() => expect.fail('nothing changes'))
  const well = checkThatSays('pass', 'pass')
  const shaky = { ...checkThatSays('fail', 'pass', 'pass'), key: 'another check' }
  watch.follow([follow(well), follow(shaky)])
  await expect.poll(() => shaky.tries).toBe(2)
  // Time for a third one, if it came like the second.
  await new Promise(resolve => setTimeout(resolve, 10 * PACE.retryMs))
  expect([well.tries, shaky.tries]).toEqual([1, 2])
  watch.end()
})

it('goes on from what is known when the same is asked at another pace', async () => {
  const changed = Promise.withResolvers<void>()
  const watch = new Watch(() => changed.resolve())
  const check = checkThatSays('fail', 'fail', 'fail')
  const [before, after] = [follow(check), follow(check, { intervalMs: 90_000 })]
  const another = follow({ ...checkThatSays(), key: 'another' })
  watch.follow([before])
  await changed.promise
  const judgement = watch.judgementOf(watchKey(before))
  expect(judgement).toMatchObject({ health: 'down', why: 'number 3' })
  watch.follow([after, another])
  expect(watch.judgementOf(watchKey(after))).toEqual(judgement)
  expect(watch.judgementOf(watchKey(another))).toMatchObject({ health: 'up', why: '' })
  watch.end()
})

it.each([
  ['one who serves in one of them, and is out in the other', known('down', 1), known('up', 2), 'up'],
  ['one who is out in one of them, and was never reported of', known('up'), known('down'), 'down'],
  ['one who is out in one of them, and new to the other', known('unproven'), known('down', 1), 'down'],
  ['one who serves in one of them, and is new to the other', known('unproven'), known('up'), 'up'],
])('begins a check that two services share with %s', (_, first, second, expected) => {
  for (const firsts of [
    [first, second],
    [second, first],
  ]) {
    const watch = new Watch(() => undefined)
    const shared = firsts.map(first => ({ ...follow(checkThatSays()), first }))
    watch.follow(shared)
    expect(watch.judgementOf(watchKey(shared[0] ?? follow(checkThatSays())))).toMatchObject({
      health: expected,
    })
    watch.end()
  }
})

it('does not make all checks at once that came due while this process stood still', async () => {
  const triedAt: number[] = []
  const watch = new Watch(() => undefined)
  const checks = Array.from(
    { length: 100 },
    (_, index): Check => ({
      ...checkThatSays(),
      key: `check ${index}`,
      async try() {
        triedAt.push(performance.now())
        return { kind: 'pass', latencyMs: 1 }
      },
    }),
  )
  watch.follow(checks.map(check => follow(check, { intervalMs: 600 })))
  await expect.poll(() => triedAt.length).toBe(checks.length)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
  await expect.poll(() => triedAt.length).toBeGreaterThanOrEqual(2 * checks.length)
  watch.end()
  // Over the 600 ms of an interval, and not within the milliseconds that so many take.
  const after = triedAt.slice(checks.length, 2 * checks.length)
  expect(Math.max(...after) - Math.min(...after)).toBeGreaterThan(200)
})
