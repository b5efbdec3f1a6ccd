import { expect, it, vi } from 'vitest'
import { parseIpAddress } from '../../agent/model/address.ts'
import { Chronicle, type Incident } from '../../agent/realserver/keep/chronicle.ts'

const claimBy = (mac: string, count = 1): Incident => ({
  kind: 'foreign-claim',
  vip: parseIpAddress('10.10.10.100'),
  nic: 'eth0',
  mac,
  message: `claimed by ${mac}`,
  count,
})

it('keeps the latest two hundred lines, and hands each of them on', () => {
  const log = vi.fn()
  const chronicle = new Chronicle(log)
  for (let line = 0; line < 1000; line++) chronicle.tell('info', '', `line ${line}`)
  expect(log).toHaveBeenCalledTimes(1000)
  expect(chronicle.history.map(({ message }) => message)).toEqual(
    Array.from({ length: 200 }, (_, index) => `line ${800 + index}`),
  )
})

it('tells of an alarm at once, and of the same again after ten seconds, with how often it was', () => {
  const times = vi.spyOn(performance, 'now').mockReturnValue(0)
  const chronicle = new Chronicle(() => undefined)
  const said = (): string[] => chronicle.history.map(({ message }) => message)
  chronicle.alarm(claimBy('02:00:00:00:00:01'))
  times.mockReturnValue(9_999)
  chronicle.alarm(claimBy('02:00:00:00:00:01', 500))
  expect(said()).toEqual(['claimed by 02:00:00:00:00:01'])
  chronicle.alarm(claimBy('02:00:00:00:00:02'))
  expect(said()).toHaveLength(2)
  times.mockReturnValue(10_000)
  chronicle.alarm(claimBy('02:00:00:00:00:01'))
  expect(said().at(-1)).toMatch(/^claimed by 02:00:00:00:00:01 \(502 times since /)
  expect(chronicle.alarms.map(({ mac, count }) => [mac, count])).toEqual([
    ['02:00:00:00:00:02', 1],
    ['02:00:00:00:00:01', 502],
  ])
  times.mockRestore()
})

it('remembers a hundred alarms, those that came last', () => {
  const chronicle = new Chronicle(() => undefined)
  for (let mac = 0; mac < 1000; mac++) chronicle.alarm(claimBy(`mac ${mac}`))
  expect(chronicle.alarms.map(({ mac }) => mac)).toEqual(
    Array.from({ length: 100 }, (_, index) => `mac ${900 + index}`),
  )
})
