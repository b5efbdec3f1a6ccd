import { describe, expect, it } from 'vitest'
import { afterHearing, type Heard, stillAsked } from '../../agent/director/arp-alarms.ts'
import type { ArpAlarm } from '../../agent/director/rotation-report.ts'
import type { IpAddress } from '../../agent/model/address.ts'

const VIP = '10.10.10.100' as IpAddress
const VIP6 = '2001:db8::100' as IpAddress
const RIP = '10.10.10.12' as IpAddress
const MAC = '02:00:00:00:02:00'
const OTHER = '02:00:00:00:03:00'

const alone = (mac: string | null, address = RIP, vip = VIP): Heard => ({ asked: 'alone', vip, address, mac })
const everybody = (...macs: string[]): Heard => ({
  asked: 'with everybody',
  vip: VIP,
  claims: macs.map(mac => ({ mac, address: null })),
})

/** Hears one after the other, at 1, 2, 3. */
function hear(...all: Heard[]) {
  let alarms: ArpAlarm[] = []
  const events: string[] = []
  for (const [index, heard] of all.entries()) {
    const after = afterHearing(alarms, heard, String(index + 1))
    alarms = after.alarms
    events.push(...after.events.map(({ level, subject, message }) => `${level} ${subject} ${message}`))
  }
  return { alarms, events }
}

describe('an alarm', () => {
  it('is raised once, however often somebody answers, and knows since when', () => {
    const { alarms, events } = hear(alone(MAC), alone(MAC), alone(MAC))
    expect(alarms).toEqual([{ vip: VIP, mac: MAC, address: RIP, asked: 'alone', since: '1', heardAt: '3' }])
    expect(events).toEqual([
      `warning ${VIP} on ${RIP} ALARM: this real server answers ARP for ${VIP} with ${MAC}, and takes the site when a client or router asks; on ${RIP}: rs-agent apply, or rs-agent verify to see why`,
    ])
  })

  it('ends with silence, which is told once', () => {
    const { alarms, events } = hear(alone(null), alone(MAC), alone(null), alone(null))
    expect(alarms).toEqual([])
    expect(events.map(text => text.split(' ')[0])).toEqual(['warning', 'info'])
    expect(events[1]).toMatch(/quiet again: .* since 2$/)
  })

  it('does not end with the silence of others, nor of the same about another VIP', () => {
    const others = [alone(null, '10.10.10.13' as IpAddress), alone(null, RIP, VIP6), everybody()]
    expect(hear(alone(MAC), ...others)).toMatchObject({
      alarms: [{ mac: MAC }],
      events: [expect.any(String)],
    })
  })

  it('of a stranger ends when everybody was asked, and of one alone when it was', () => {
    const { alarms, events } = hear(everybody(OTHER), alone(null), everybody(OTHER), everybody())
    expect([alarms, events.length]).toEqual([[], 2])
    expect(events[0]).toMatch(new RegExp(`^warning ${VIP} on ${OTHER} ALARM: .* rs-agent probe ${VIP} says`))
  })

  it('is one alarm of one MAC, by whichever question it was found', () => {
    const { alarms, events } = hear(everybody(MAC), alone(MAC), everybody(MAC), everybody())
    expect(alarms).toEqual([{ vip: VIP, mac: MAC, address: RIP, asked: 'alone', since: '1', heardAt: '3' }])
    expect(events).toHaveLength(1)
  })

  it('passes to another MAC when that answers instead', () => {
    const { alarms, events } = hear(everybody(MAC), everybody(OTHER))
    expect(alarms).toMatchObject([{ mac: OTHER, since: '2' }])
    expect(events).toHaveLength(3)
  })

  it('ends when nobody asks any more', () => {
    const { alarms } = hear(alone(MAC), everybody(OTHER))
    const left = stillAsked(alarms, ({ asked }) => asked === 'alone')
    expect(left.alarms).toMatchObject([{ mac: MAC }])
    expect(left.events).toMatchObject([
      { level: 'info', message: expect.stringMatching(/^not asked any more/) },
    ])
  })
})
