import { expect, it } from 'vitest'
import { openSight } from '../../agent/realserver/keep/sight.ts'

const DOWN = { nic: 'eth0', why: 'eth0 is down' }
const blind = { kind: 'blind', ...DOWN }
const seeing = { kind: 'seeing' }

it('sees once every source is there', () => {
  const sight = openSight(['one', 'other'])
  sight.mend('one')
  expect(sight.take()).toEqual([])
  sight.mend('other')
  expect(sight.take()).toEqual([seeing])
  expect(sight.take()).toEqual([])
})

it('tells of a gap once as long as it lasts, and that all is seen when the last one is over', () => {
  const sight = openSight([])
  sight.take()
  for (let times = 0; times < 3; times++) sight.lose('eth0', DOWN)
  sight.lose('tap', { nic: null, why: 'lost' })
  expect(sight.take()).toEqual([blind, { kind: 'blind', nic: null, why: 'lost' }])
  sight.mend('tap')
  expect(sight.take()).toEqual([])
  sight.mend('eth0')
  expect(sight.take()).toEqual([seeing])
})

it('tells of a gap that is over before anybody asked', () => {
  const sight = openSight([])
  sight.take()
  sight.lose('eth0', DOWN)
  sight.mend('eth0')
  expect(sight.take()).toEqual([blind, seeing])
})

it('tells why a source cannot be had, and keeps no list without end', () => {
  const sight = openSight(['eth0'])
  for (let times = 0; times < 1_000; times++) {
    sight.lose('eth0', DOWN)
    sight.mend('eth0')
  }
  expect(sight.take().length).toBeLessThan(100)
})
