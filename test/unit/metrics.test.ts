import { describe, expect, it } from 'vitest'
import type { Alarm, Repair } from '../../agent/realserver/keep/report.ts'
import { metricsText } from '../../agent/service/endpoint/metrics.ts'
import type { ServiceView } from '../../agent/service/endpoint/view.ts'
import {
  address,
  check,
  directorView,
  keepReport,
  realServerRow,
  secondsAgo,
  serviceView,
} from '../support/service-view.ts'

describe('the metrics', () => {
  it('tell of VIPs, NICs, drains, and how old the last look is', async () => {
    const nics = [
      { name: 'eth0', silent: true, evidence: '' },
      { name: 'eth1', silent: false, evidence: '' },
    ]
    expect(await linesOf({ realServer: keepReport({ nics, drain: 'drained' }) })).toEqual(
      expect.arrayContaining([
        'rs_agent_vip_bound{vip="10.10.10.100"} 1',
        'rs_agent_nic_silent{nic="eth0"} 1',
        'rs_agent_nic_silent{nic="eth1"} 0',
        'rs_agent_drained 1',
        'rs_agent_check_age_seconds 20',
      ]),
    )
  })

  it('give each check one verdict of four', async () => {
    const lines = await linesOf({ realServer: keepReport({ checks: [check('vip-bound', 'unknown')] }) })
    const label = 'check="vip-bound",subject="10.10.10.100"'
    expect(lines.filter(line => line.startsWith('rs_agent_check_verdict'))).toEqual([
      `rs_agent_check_verdict{${label},verdict="pass"} 0`,
      `rs_agent_check_verdict{${label},verdict="fail"} 0`,
      `rs_agent_check_verdict{${label},verdict="unknown"} 1`,
      `rs_agent_check_verdict{${label},verdict="skipped"} 0`,
    ])
  })

  it('say nothing of an age before the first look', async () => {
    const lines = await linesOf({ realServer: keepReport({ checks: [], checkedAt: null }) })
    expect(lines.filter(line => /check_age|check_verdict/.test(line))).toEqual([])
  })

  it('add repairs up by resource, with the time that the latest took', async () => {
    const repairs = [repair('net.a', 3, 10, 2), repair('net.b', 4, 900, 80)]
    expect(await linesOf({ realServer: keepReport({ repairs }) })).toEqual(
      expect.arrayContaining([
        'rs_agent_repairs_total{resource="arp-sysctl"} 7',
        'rs_agent_repair_duration_seconds{resource="arp-sysctl"} 0.002',
      ]),
    )
  })

  it('have one series for a VIP however many MACs claim it', async () => {
    const alarms = Array.from({ length: 1_000 }, (_, index) => claim(`02:00:00:00:00:${index}`))
    const lines = await linesOf({ realServer: keepReport({ alarms }) })
    expect(lines.filter(line => line.startsWith('rs_agent_arp_claims_total'))).toEqual([
      'rs_agent_arp_claims_total{kind="foreign",vip="10.10.10.100"} 1000',
    ])
    expect(lines).toContain('rs_agent_alarms{kind="foreign-claim"} 1000')
  })

  it('keep the number of series within bounds, and say what is left out', async () => {
    const nics = Array.from({ length: 5_000 }, (_, index) => ({
      name: `e${index}`,
      silent: true,
      evidence: '',
    }))
    const lines = await linesOf({ realServer: keepReport({ nics }) })
    expect(lines.filter(line => line.startsWith('rs_agent_nic_silent'))).toHaveLength(2_000)
    expect(lines).toContain('rs_agent_samples_left_out{metric="rs_agent_nic_silent"} 3000')
  })

  it('let no name break out of its label', async () => {
    const nics = [{ name: 'a"} 1\nb\\', silent: true, evidence: '' }]
    const lines = await linesOf({ realServer: keepReport({ nics }) })
    expect(lines).toContain('rs_agent_nic_silent{nic="a\\"} 1\\nb\\\\"} 1')
  })

  it('tell of the pool', async () => {
    const out = realServerRow({
      realServer: '10.10.10.13:80',
      state: 'out',
      health: 'down',
      latencyMs: null,
      table: null,
    })
    const [service] = directorView().services
    const services = service === undefined ? [] : [{ ...service, realServers: [realServerRow(), out] }]
    const lines = await linesOf({ realServer: null, director: directorView({ services }) })
    const labels = (name: string) => `{service="10.10.10.100:80/tcp",real_server="10.10.10.${name}:80"}`
    expect(lines).toEqual(
      expect.arrayContaining([
        `rs_agent_pool_real_server_weight${labels('12')} 10`,
        `rs_agent_pool_real_server_weight${labels('13')} 0`,
        `rs_agent_pool_real_server_up${labels('12')} 1`,
        `rs_agent_pool_real_server_up${labels('13')} 0`,
        `rs_agent_pool_real_server_check_latency_seconds${labels('12')} 0.00125`,
        `rs_agent_pool_real_server_active_connections${labels('12')} 42`,
        `rs_agent_pool_real_server_connections_total${labels('12')} 56789`,
        'rs_agent_pool_real_servers{service="10.10.10.100:80/tcp",state="out"} 1',
        'rs_agent_config_refused{role="director"} 0',
      ]),
    )
    expect(lines.join('\n')).not.toContain(`check_latency_seconds${labels('13')}`)
  })

  it('tell whether the configuration is refused, by role', async () => {
    const config = { ...keepReport().config, refused: 'line 3: unknown key' }
    expect(await linesOf({ realServer: keepReport({ config }) })).toContain(
      'rs_agent_config_refused{role="real server"} 1',
    )
  })
})

async function linesOf(differing: Partial<ServiceView>): Promise<string[]> {
  const text = await metricsText(serviceView(differing))
  return text.split('\n').filter(line => !line.startsWith('#'))
}

function repair(subject: string, count: number, lastSecondsAgo: number, tookMs: number): Repair {
  return {
    subject,
    resource: 'arp-sysctl',
    count,
    firstAt: secondsAgo(1_000),
    lastAt: secondsAgo(lastSecondsAgo),
    tookMs,
    heldBackUntil: null,
    suspects: [],
  }
}

function claim(mac: string): Alarm {
  const vip = address('10.10.10.100')
  const message = `${mac} claims ${vip}`
  return {
    kind: 'foreign-claim',
    vip,
    nic: 'eth0',
    mac,
    message,
    count: 1,
    since: secondsAgo(9),
    lastAt: secondsAgo(1),
  }
}
