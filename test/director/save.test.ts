import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServiceKey, serviceText } from '../../agent/model/ipvs.ts'
import { succeed } from '../support/cluster.ts'
import type { Host } from '../support/host.ts'
import { Agent, type ErrorReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'

/** One host with a table of every kind, which another tool made: save needs no configuration and no role. */
let segment: Segment
let host: Host
let agent: Agent
beforeAll(async () => {
  segment = await Segment.build()
  host = await segment.addHost('director', '10.10.10.11/24')
  await host.namespace.ip('addr add 2001:db8::11/64 dev eth0 nodad')
  await host.run('modprobe', ['ip_vs'])
  agent = new Agent(host, null)
})
afterAll(async () => {
  await agent[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
})

/** In the order in which `ipvsadm -Sn` prints it. */
const RULES = [
  '-A -t 10.10.10.100:0 -s sh -p 360 -M 255.255.255.0 -b sh-fallback,sh-port',
  '-a -t 10.10.10.100:0 -r 10.10.10.12:0 -g -w 1',
  '-a -t 10.10.10.100:0 -r 10.10.10.13:0 -g -w 0',
  '-A -t 10.10.10.101:80 -s wrr',
  '-a -t 10.10.10.101:80 -r 10.10.10.12:80 -i -w 65535 --tun-type ipip',
  '-a -t 10.10.10.101:80 -r 10.10.10.13:80 -i -w 2 --tun-type gue --tun-port 6080 --tun-remcsum',
  '-a -t 10.10.10.101:80 -r 10.10.10.14:80 -i -w 3 --tun-type gre --tun-csum',
  '-a -t 10.10.10.101:80 -r 10.10.10.15:8080 -m -w 4',
  '-A -u 10.10.10.100:53 -s rr -o',
  '-a -u 10.10.10.100:53 -r 10.10.10.12:53 -g -w 1',
  '-A -u 10.10.10.100:5060 -s rr -p 60 --pe sip',
  '-A --sctp-service 10.10.10.100:2905 -s lc',
  '-A -t [2001:db8::100]:80 -s mh -p 300 -M 64 -b mh-port',
  '-a -t [2001:db8::100]:80 -r [2001:db8::12]:80 -g -w 1',
  '-A -f 7 -s wlc -p 300',
  '-a -f 7 -r 10.10.10.12:0 -g -w 1',
  '-A -f 7 -6 -s wlc',
  '-a -f 7 -6 -r [2001:db8::12]:0 -g -w 1',
]

interface StatsReport {
  services: { service: { key: ServiceKey } }[]
}

/** By address, port and protocol, firewall marks last. */
const READING_ORDER = [
  ...['10.10.10.100:0/tcp', '10.10.10.100:53/udp', '10.10.10.100:2905/sctp', '10.10.10.100:5060/udp'],
  ...['10.10.10.101:80/tcp', '[2001:db8::100]:80/tcp', 'firewall mark 7', 'firewall mark 7 (IPv6)'],
]

async function savedAsText(): Promise<string> {
  const { exitCode, stdout, stderr } = await agent.run(['director', 'save'])
  expect([exitCode, stderr]).toEqual([0, ''])
  return stdout
}

describe('director save', () => {
  it('prints what ipvsadm loads into an empty table, which is then the same for both', async () => {
    await host.run('ipvsadm', ['-R'], { input: `${RULES.join('\n')}\n` })
    const before = await host.run('ipvsadm', ['-Sn'])
    expect(before.split('\n')).toEqual(RULES)
    const saved = await savedAsText()
    expect(saved).toBe(before)
    expect(await succeed(agent, 'director save')).toEqual({ rules: RULES })

    const { services } = await succeed<StatsReport>(agent, 'director stats')
    expect(services.map(({ service }) => serviceText(service.key))).toEqual(READING_ORDER)

    await host.run('ipvsadm', ['-C'])
    await host.run('ipvsadm', ['-R'], { input: `${saved}\n` })
    expect(await host.run('ipvsadm', ['-Sn'])).toBe(before)
    expect(await savedAsText()).toBe(saved)
  })

  it('keeps thresholds, which ipvsadm itself does not', async () => {
    const rule = '-a -f 7 -r 10.10.10.13:0 -g -w 1 -x 2000 -y 1500'
    await host.run('ipvsadm', ['-R'], { input: `${rule}\n` })
    const saved = await savedAsText()
    expect(saved.split('\n')).toContain(rule)
    await host.run('ipvsadm', ['-C'])
    await host.run('ipvsadm', ['-R'], { input: `${saved}\n` })
    expect(await savedAsText()).toBe(saved)
  })

  it('prints nothing of an empty table, which ipvsadm loads as well', async () => {
    await host.run('ipvsadm', ['-C'])
    expect(await savedAsText()).toBe('')
    expect(await succeed(agent, 'director save')).toEqual({ rules: [] })
  })
})

describe('director connections', () => {
  it('refuses a state that there is not, and names those that there are', async () => {
    const finished = await agent.run(['--json', 'director', 'connections', '--state', 'nonsense'])
    expect(finished.exitCode).toBe(64)
    expect(finished.json<ErrorReport>().error).toMatchObject({
      message: '--state: "nonsense" is no state of a connection',
      hint: expect.stringMatching(/^write one of ESTABLISHED, .*FIN_WAIT.*UDP/),
    })
    expect(await succeed(agent, 'director connections --state established')).toMatchObject({ matching: 0 })
  })
})
