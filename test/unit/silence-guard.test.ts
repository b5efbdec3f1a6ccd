import { expect, it } from 'vitest'
import { SilenceGuard } from '../../agent/realserver/keep/silence-guard.ts'

const at = (seconds: number) => ({ ms: seconds * 1000 })

it('trusts a host that was made loud twice within ten seconds, and not one that was three times', () => {
  const guard = new SilenceGuard()
  expect([0, 5].map(second => guard.noteRepaired('eth0 answers', at(second)))).toEqual([false, false])
  expect(guard.lostBecause).toBeNull()
  expect(guard.noteRepaired('eth0 answers', at(9))).toBe(true)
  expect(guard.lostBecause).toBe('eth0 answers, 3 times within 10 s')
  // Told once.
  expect(guard.noteRepaired('eth0 answers', at(9.5))).toBe(false)
})

it('trusts a host that is made loud every now and then', () => {
  const guard = new SilenceGuard()
  for (let time = 0; time < 100; time++) guard.noteRepaired('eth0 answers', at(time * 6))
  expect(guard.lostBecause).toBeNull()
})

it('does not trust one that stays loud, from the first moment on', () => {
  const guard = new SilenceGuard()
  expect([guard.noteLoud('eth0 answers', at(1)), guard.noteLoud('eth0 answers', at(2))]).toEqual([
    true,
    false,
  ])
  expect(guard.lostBecause).toBe('eth0 answers')
})

it('trusts it again when it has been silent for half a minute since it was loud for the last time', () => {
  const guard = new SilenceGuard()
  guard.noteLoud('eth0 answers', at(0))
  expect(guard.noteSilent(at(29))).toBe(false)
  guard.noteRepaired('eth0 answers', at(29.5))
  expect([40, 59].map(second => guard.noteSilent(at(second)))).toEqual([false, false])
  expect(guard.noteSilent(at(59.5))).toBe(true)
  expect(guard.lostBecause).toBeNull()
  // As if nothing had been.
  expect(guard.noteSilent(at(60))).toBe(false)
  expect(guard.noteRepaired('eth0 answers', at(61))).toBe(false)
})
