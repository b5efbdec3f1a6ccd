import { expect, it } from 'vitest'
import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import { Repairs } from '../../agent/realserver/keep/repairs.ts'
import { vipRoute } from '../../agent/realserver/vip-route.ts'
import type { Step } from '../../agent/reconcile/step.ts'

const VIP = parseIpAddress('10.10.10.100') as IpAddress

const ROUTE = routeStep(VIP)
/** What is loud is never left alone. */
const SYSCTL: Step = {
  resource: 'arp-sysctl',
  phase: 'silence',
  onRemove: 'forget',
  change: { kind: 'sysctl', id: { path: 'net/ipv4/conf/all/arp_ignore' }, before: '0', after: '1' },
}

function routeStep(vip: IpAddress): Step {
  const { kind, id, value } = vipRoute(vip)
  const change = { kind, id, before: null, after: value }
  return { resource: 'vip-route', phase: 'route', onRemove: 'forget', change }
}

const at = (ms: number) => ({ at: new Date(ms), ms })

it('says once that a setting is fought over, at its fifth repair within ten seconds', () => {
  const repairs = new Repairs()
  const said = [0, 1, 2, 3, 4, 5, 6].map(second => repairs.note(ROUTE, 1, at(second * 1000)))
  expect(said.indexOf('it is fought over')).toBe(4)
  expect(said.filter(word => word !== 'it is made')).toHaveLength(1)
})

it('says nothing more of repairs that are seldom', () => {
  const repairs = new Repairs()
  for (let minute = 0; minute < 100; minute++)
    expect(repairs.note(ROUTE, 1, at(minute * 60_000))).toBe('it is made')
  expect(repairs.report()).toMatchObject([{ count: 100, heldBackUntil: null }])
})

it('leaves a setting alone at its fiftieth repair, for twice as long each time that it goes on, up to a minute', () => {
  const repairs = new Repairs()
  let ms = 0
  for (let time = 1; time < 50; time++) expect(repairs.note(ROUTE, 1, at(ms++))).not.toBe('it is left alone')
  const pauses: number[] = []
  while (pauses.length < 8) {
    expect(repairs.note(ROUTE, 1, at(ms))).toBe('it is left alone')
    const from = ms
    while (repairs.isHeldBack(ROUTE, at(ms))) ms += 100
    pauses.push(ms - from)
    expect(repairs.endPauses(at(ms))).toBe(true)
    expect(repairs.endPauses(at(ms))).toBe(false)
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
})

it('never leaves alone what makes this host loud, and tells of it once in fifty times', () => {
  const repairs = new Repairs()
  const said = Array.from({ length: 200 }, (_, time) => repairs.note(SYSCTL, 1, at(time)))
  expect(said.flatMap((word, index) => (word === 'it is fought over' ? [index + 1] : []))).toEqual([
    5, 50, 100, 150, 200,
  ])
  expect(said).not.toContain('it is left alone')
  expect(repairs.isHeldBack(SYSCTL, at(200))).toBe(false)
})

it('forgets how often it was when it has been left alone by the others for a minute', () => {
  const repairs = new Repairs()
  for (let time = 0; time < 50; time++) repairs.note(ROUTE, 1, at(time))
  expect(repairs.note(ROUTE, 1, at(62_000))).toBe('it is made')
  expect(repairs.isHeldBack(ROUTE, at(62_001))).toBe(false)
})

it('keeps one setting apart from the others', () => {
  const repairs = new Repairs()
  const other = routeStep(parseIpAddress('10.10.10.101') as IpAddress)
  for (let time = 0; time < 50; time++) repairs.note(ROUTE, 1, at(time))
  repairs.note(other, 7, at(100))
  repairs.suspect(other, ['NetworkManager'])
  expect([repairs.isHeldBack(ROUTE, at(101)), repairs.isHeldBack(other, at(101))]).toEqual([true, false])
  expect(repairs.report()).toMatchObject([
    { count: 50, suspects: [], heldBackUntil: new Date(1049).toISOString() },
    { count: 1, suspects: ['NetworkManager'], tookMs: 7, heldBackUntil: null },
  ])
})

it('forgets those of long ago when NICs come and go under ever new names', () => {
  const repairs = new Repairs()
  for (let number = 0; number < 2_000; number++)
    repairs.note(
      routeStep(parseIpAddress(`10.11.${number >> 8}.${number & 255}`) as IpAddress),
      1,
      at(number),
    )
  repairs.note(ROUTE, 1, at(2_000))
  expect(repairs.report()).toHaveLength(500)
  expect(repairs.report().at(-1)).toMatchObject({ subject: 'route to 10.10.10.100/32' })
})
