import { describe, expect, it } from 'vitest'
import type { KeepReport } from '../../agent/realserver/keep/report.ts'
import { whyNotHealthy } from '../../agent/service/endpoint/healthz.ts'
import {
  address,
  check,
  directorView,
  keepReport,
  realServerRow,
  secondsAgo,
  serviceView,
} from '../support/service-view.ts'

describe('the health of a real server', () => {
  it('is good when it is bound, silent and serving', () => {
    expect(reasonsOf({})).toEqual([])
  })

  const vip = address('10.10.10.100')
  it.each<[string, Partial<KeepReport>, RegExp]>([
    [
      'a VIP is not bound',
      { vips: [{ address: vip, bound: false, evidence: 'not on lo' }] },
      /^VIP 10\.10\.10\.100 not bound: not on lo$/,
    ],
    [
      'a NIC is audible',
      { nics: [{ name: 'eth1', silent: false, evidence: 'arp_ignore 0' }] },
      /^NIC eth1 not silent: arp_ignore 0$/,
    ],
    [
      'a needed check fails',
      { checks: [check('service-answers', 'fail')] },
      /^service-answers 10\.10\.10\.100: fail: /,
    ],
    [
      'nobody knows about a needed check',
      { checks: [check('nfs-mounted', 'unknown')] },
      /^nfs-mounted .*: unknown: /,
    ],
    ['an answer to ARP was heard', { checks: [check('arp-silence', 'fail')] }, /^arp-silence .*: fail: /],
    ['it is drained', { drain: 'drained' }, /^drained: /],
    [
      'its VIPs are withdrawn',
      { withdrawn: 'eth1 cannot be silenced' },
      /^the VIPs are withdrawn: eth1 cannot be silenced$/,
    ],
    [
      'the last look at it failed',
      { unsettled: '10.10.10.100 needs IPv6' },
      /^not known to be as wanted: 10\.10\.10\.100 needs IPv6$/,
    ],
    ['nothing was looked at yet', { checks: [], checkedAt: null }, /^not looked at yet/],
    [
      'the last look is older than three intervals',
      { checkedAt: secondsAgo(181) },
      /^not looked at since 2026-11-29T11:56:59/,
    ],
    ['the last look is of the future', { checkedAt: secondsAgo(-181) }, /^not looked at since/],
    ['no VIP is known', { vips: [] }, /^no VIP is known yet$/],
  ])('is bad when %s', (_, differing, reason) => {
    expect(reasonsOf(differing)).toEqual([expect.stringMatching(reason)])
  })

  it.each<[string, Partial<KeepReport>]>([
    [
      'a spare NIC cannot prove its silence',
      { checks: [check('arp-silence', 'unknown', '10.10.10.100 on eth1')] },
    ],
    ['a check that clients do not need fails', { checks: [check('arp-sysctl-persisted', 'fail')] }],
    ['the last look is late', { checkedAt: secondsAgo(179) }],
    ['the configuration file is refused', { config: { ...keepReport().config, refused: 'line 3' } }],
  ])('stays good when %s', (_, differing) => {
    expect(reasonsOf(differing)).toEqual([])
  })

  it('gives each reason in one line, whatever evidence holds', () => {
    const [reason] = reasonsOf({ checks: [{ ...check('vip-bound', 'fail'), evidence: 'one\nok\r\n\ttwo' }] })
    expect(reason).toBe('vip-bound 10.10.10.100: fail: one ok two')
  })

  it('is bad where nobody keeps any role', () => {
    expect(whyNotHealthy(serviceView({ realServer: null }))).toHaveLength(1)
  })
})

describe('the health of a director', () => {
  it('is good when each service has somebody who serves', () => {
    expect(whyNotHealthy(serviceView({ realServer: null, director: directorView() }))).toEqual([])
  })

  const [service] = directorView().services
  if (service === undefined) throw new Error('the view has no service')
  const resting = realServerRow({ state: 'resting', table: { ...realServerRow().table, weight: 0 } as never })
  it.each([
    ['nobody checks the pool', { run: null }, /^nobody checks the real servers/],
    [
      'its run is silent',
      { run: { pid: 1, at: secondsAgo(31), refusedConfig: null } },
      /^nothing heard of the director run since/,
    ],
    [
      'nobody serves',
      { services: [{ ...service, realServers: [resting] }] },
      /^nobody serves 10\.10\.10\.100:80\/tcp/,
    ],
  ])('is bad when %s', (_, differing, reason) => {
    const director = directorView(differing)
    expect(whyNotHealthy(serviceView({ realServer: null, director }))).toEqual([
      expect.stringMatching(reason),
    ])
  })
})

function reasonsOf(differing: Partial<KeepReport>): string[] {
  return whyNotHealthy(serviceView({ realServer: keepReport(differing) }))
}
