import { describe, expect, it } from 'vitest'
import { openTally } from '../../agent/realserver/keep/claim-tally.ts'

interface Seen {
  mac: string
  number: number
}

const open = () => openTally(({ mac }: Seen) => mac)

describe('a tally of claims', () => {
  it('tells the first one at once, and those of the next second together, by the latest', () => {
    const tally = open()
    tally.note({ mac: 'a', number: 1 }, 1, 0)
    expect(tally.dueInMs(0)).toBe(0)
    expect(tally.take(0)).toEqual([{ claim: { mac: 'a', number: 1 }, count: 1 }])
    tally.note({ mac: 'a', number: 2 }, 1, 10)
    tally.note({ mac: 'a', number: 3 }, 5, 20)
    expect(tally.take(20)).toEqual([])
    expect(tally.dueInMs(20)).toBe(980)
    expect(tally.take(1_000)).toEqual([{ claim: { mac: 'a', number: 3 }, count: 6 }])
    expect(tally.dueInMs(1_000)).toBeNull()
  })

  it('tells at once again of one that was quiet for a second', () => {
    const tally = open()
    for (const [number, atMs] of [
      [1, 0],
      [2, 1_500],
    ] as const) {
      tally.note({ mac: 'a', number }, 1, atMs)
      expect(tally.take(atMs)).toHaveLength(1)
      expect(tally.take(atMs + 1_000)).toEqual([])
    }
  })

  it('does not have one claimant wait for another', () => {
    const tally = open()
    tally.note({ mac: 'a', number: 1 }, 1, 0)
    tally.take(0)
    tally.note({ mac: 'b', number: 2 }, 1, 1)
    expect(tally.take(1).map(({ claim }) => claim.mac)).toEqual(['b'])
  })

  it('stays small when each claim names another MAC, and loses none of them', () => {
    const tally = open()
    for (let number = 0; number < 10_000; number++) tally.note({ mac: `mac ${number}`, number }, 1, 0)
    const told = tally.take(0)
    expect(told.length).toBeLessThan(100)
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(10_000)
    expect(told.at(-1)?.claim.number).toBe(9_999)
  })
})
