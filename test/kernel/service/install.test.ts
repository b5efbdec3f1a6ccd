import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaksOf, startArpStorm } from '../../support/arp-storm.ts'
import { DebianAgent } from '../../support/debian-agent.ts'
import { DebianHost } from '../../support/debian-host.ts'
import type { Host } from '../../support/host.ts'
import { Agent, type ErrorReport, type VerifyReport } from '../../support/rs-agent.ts'
import { Segment } from '../../support/segment.ts'
import { unpackedFolder } from '../../support/unpacked-tools.ts'
import { differencesOf, takeWholeHost, type WholeHost } from '../../support/whole-host.ts'

interface State {
  installed: boolean
  enabled: boolean
  state: string
  since: string | null
  mainPid: number | null
  restarts: number
  says: string
}

interface InstallReport {
  changed: boolean
  files: string[]
  notes: string[]
  service: State
}

const VIP = '10.10.10.100'
const CONFIG = `realServer:
  vips: [{ address: ${VIP}, ports: [80/tcp] }]
  directors: [10.10.10.11]
  httpd: { server: nginx }
`
const UNIT = '/etc/systemd/system/rs-agent.service'
const FILES = ['/etc/systemd/system/rs-agent-silence.service', UNIT]
const OWN_TEMPLATE = '/etc/rs-agent/templates/systemd/rs-agent.service'

let segment: Segment
let client: Host
let host: DebianHost
let agent: DebianAgent
let before: WholeHost

beforeAll(async () => {
  segment = await Segment.build()
  client = await segment.addHost('client', '10.10.10.10/24')
  host = await DebianHost.boot(segment, { name: 'rs1', address: '10.10.10.12/24' })
  agent = new DebianAgent(host)
  await host.writeFile('/var/www/html/index.html', 'our page\n')
  await agent.configure(CONFIG)
  await agent.succeed('apply')
  before = await takeWholeHost(host)
})
afterAll(async () => {
  await host[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
})

const install = () => agent.succeed<InstallReport>('service', 'install')
const sh = (script: string) => host.run('sh', ['-c', script])
const vipIsBound = async () => (await sh('ip -4 -o address show dev lo')).includes(`${VIP}/32`)

async function state(): Promise<State> {
  return (await agent.run(['service', 'status', '--json'])).json()
}

async function refusalOf(
  ...args: string[]
): Promise<ErrorReport['error'] & { exitCode: number | undefined }> {
  const { exitCode, json } = await agent.run([...args, '--json'])
  return { exitCode, ...json<ErrorReport>().error }
}

/** Microseconds since the start of the kernel at which units began to start, and had started. */
async function startOf(unit: string): Promise<{ beganUs: number; readyUs: number }> {
  const properties = 'InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic'
  const lines = await sh(`systemctl show --property=${properties} ${unit}`)
  const value = (name: string) =>
    Number(new RegExp(`^${name}TimestampMonotonic=(\\d+)$`, 'm').exec(lines)?.[1])
  return { beganUs: value('InactiveExit'), readyUs: value('ActiveEnter') }
}

async function bootPersistence(): Promise<string | undefined> {
  const finished = await agent.run(['verify', '--only', 'boot-persistence', '--json'])
  return finished.json<VerifyReport>().checks.find(({ id }) => id === 'boot-persistence')?.verdict
}

describe('the boot-time service', () => {
  it('is not there until it is installed, of which verify warns', async () => {
    expect(await agent.run(['service', 'status'])).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('not installed'),
    })
    expect(await bootPersistence()).toBe('fail')
  })

  it('is not installed with a wrong configuration, which is told before anything is touched', async () => {
    await agent.configure(CONFIG.replace('httpd', 'htppd'))
    expect(await refusalOf('service', 'install')).toMatchObject({ exitCode: 65, code: 'config-invalid' })
    await agent.configure(CONFIG)
    expect(differencesOf(before, await takeWholeHost(host))).toEqual([])
  })

  it('is not installed from where it would vanish, or be replaced by somebody', async () => {
    await sh('cp -r /usr/local/lib/rs-agent/. /tmp/rs-agent')
    await sh('cp -r /usr/local/lib/rs-agent/. /opt/rs-agent; chmod o+w /opt/rs-agent')
    const run = async (program: string) => {
      const args = [program, 'service', 'install', '--json']
      const { exitCode, stdout } = await host.spawn('node', args, { input: '' })
      return { exitCode, ...(JSON.parse(stdout) as ErrorReport).error }
    }
    expect(await run('/tmp/rs-agent/rs-agent.js')).toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('a service cannot run from /tmp'),
    })
    expect(await run('/opt/rs-agent/rs-agent.js')).toMatchObject({
      exitCode: expect.any(Number),
      message: expect.stringContaining('/opt/rs-agent may be written by'),
    })
    await sh('rm -r /tmp/rs-agent /opt/rs-agent')
    expect(differencesOf(before, await takeWholeHost(host))).toEqual([])
  })

  it('is taken back as a whole when it does not start, with its own last words', async () => {
    await host.writeFile(
      OWN_TEMPLATE,
      `[Service]\nType=notify\nExecStart=/bin/sh -c "echo no luck today; exit 3" {{program}}\n[Install]\nWantedBy=multi-user.target\n`,
    )
    const { exitCode, message } = await refusalOf('service', 'install')
    expect([exitCode, message]).toEqual([1, expect.stringMatching(/undone: .*it said: no luck today/)])
    await sh('rm -r /etc/rs-agent/templates')
    expect(differencesOf(before, await takeWholeHost(host))).toEqual([])
    expect(await host.failedUnits()).toEqual([])
  })

  it('is at work once it is installed, and a second install finds nothing to do', async () => {
    expect(await install()).toMatchObject({
      changed: true,
      files: FILES,
      notes: [],
      service: { installed: true, enabled: true, state: 'active', restarts: 0 },
    })
    expect(await sh(`systemd-analyze verify --man=no ${FILES.join(' ')} 2>&1`)).toBe('')
    const { mainPid } = await state()
    expect(await install()).toMatchObject({ changed: false, files: [], notes: [], service: { mainPid } })
    expect(await bootPersistence()).toBe('pass')
  })

  it('is exposed less than keepalived and nginx, as systemd-analyze has it', async () => {
    const keepalived = `${unpackedFolder('peers')}/lib/systemd/system/keepalived.service`
    await host.writeFile('/tmp/keepalived.service', readFileSync(keepalived, 'utf8'))
    const exposure = async (unit: string): Promise<number> => {
      const report = await sh(`systemd-analyze security --no-pager --offline=true ${unit}`)
      return Number(/exposure level for \S+: ([\d.]+)/.exec(report)?.[1])
    }
    const ours = await exposure(UNIT)
    expect(ours).toBeLessThan(4.5)
    for (const other of ['/tmp/keepalived.service', '/lib/systemd/system/nginx.service'])
      expect(await exposure(other)).toBeGreaterThan(ours)
    await sh('rm /tmp/keepalived.service')
  })

  it('repairs, within its bounds, all that apply has set up', async () => {
    await sh(`ip address del ${VIP}/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_ignore=0`)
    await sh(
      'rm /etc/sysctl.d/90-rs-agent.conf; systemctl stop nginx; echo "# x" >>/etc/nginx/conf.d/rs-agent.conf',
    )
    await expect.poll(async () => (await agent.run(['plan', '--json'])).exitCode, { timeout: 30_000 }).toBe(0)
    expect(await vipIsBound()).toBe(true)
    expect(await sh('systemctl is-active nginx; sysctl -n net.ipv4.conf.all.arp_ignore')).toBe('active\n1')
  })

  it('replaces a unit that was changed by hand, and keeps a copy of it', async () => {
    await sh(`echo "# mine" >>${UNIT}`)
    const { changed, files, notes } = await install()
    expect({ changed, files }).toEqual({ changed: true, files: [UNIT] })
    const [, copy = ''] = /a copy in (\S+);/.exec(notes.join()) ?? []
    expect(await sh(`tail -n 1 ${copy}`)).toBe('# mine')
    expect(await sh(`tail -n 1 ${UNIT}`)).not.toBe('# mine')
    await sh(`rm ${copy}`)
  })

  it('says to the journal what it does, with the VIP in a field of its own', async () => {
    await sh(`ip address del ${VIP}/32 dev lo`)
    const entries = `journalctl --boot --output=cat RS_AGENT_VIP=${VIP} SYSLOG_IDENTIFIER=rs-agent`
    await expect.poll(() => sh(entries)).toContain('bound again')
  })

  it('is killed and started again when it hangs, while the VIP stays', async () => {
    const { mainPid, restarts } = await state()
    const began = await sh('ip -4 -o address show dev lo')
    await sh(`kill -STOP ${mainPid}`)
    await expect
      .poll(async () => (await state()).restarts, { timeout: 45_000, interval: 500 })
      .toBe(restarts + 1)
    await expect.poll(async () => (await state()).state).toBe('active')
    expect((await state()).mainPid).not.toBe(mainPid)
    expect(await sh('ip -4 -o address show dev lo')).toBe(began)
    expect(await sh('journalctl --boot --unit=rs-agent')).toContain('Watchdog timeout')
  })

  it('has the VIP bound before the web server starts, and silent from the first frame of a boot to the last', async () => {
    const storm = await startArpStorm(client, VIP, { perSecond: 2_000 })
    await host.reboot()
    expect(await vipIsBound()).toBe(true)
    const [silence, network, service, nginx, end] = await Promise.all(
      ['rs-agent-silence', 'networking', 'rs-agent', 'nginx', 'multi-user.target'].map(startOf),
    )
    expect(silence?.readyUs).toBeLessThanOrEqual(network?.beganUs ?? 0)
    expect(silence?.readyUs).toBeLessThanOrEqual(service?.beganUs ?? 0)
    expect(service?.readyUs).toBeLessThanOrEqual(nginx?.beganUs ?? 0)
    expect(nginx?.readyUs).toBeLessThanOrEqual(end?.readyUs ?? 0)
    expect(await host.failedUnits()).toEqual([])
    // What came before it booted has no answer, and what comes now neither.
    await client.namespace.ip(`route replace ${VIP}/32 via 10.10.10.12`)
    expect(await client.run('curl', ['-sS', '--max-time', '5', `http://${VIP}/`])).toBe('our page')
    await host.powerOff()
    const count = await storm.stop()
    expect([count.dropped, leaksOf(count, [host.network])]).toEqual([0, 0])
    expect(count.sent).toBeGreaterThan(100)
    await host.powerOn()
    expect(await vipIsBound()).toBe(true)
  })

  it('leaves all as it was when it is uninstalled', async () => {
    expect(await agent.succeed('service', 'uninstall')).toMatchObject({
      changed: true,
      files: FILES,
      notes: [],
      service: { installed: false },
    })
    expect(await vipIsBound()).toBe(true)
    expect(await agent.succeed('service', 'uninstall')).toMatchObject({ changed: false, files: [] })
    const differences = differencesOf(before, await takeWholeHost(host))
    // What it remembers of its repairs, and the copy of a site that was changed by hand.
    expect(differences.filter(line => !line.includes(' /var/lib/rs-agent/'))).toEqual([])
    expect(await agent.succeed('plan')).toMatchObject({ changes: [] })
  })
})

describe('a host without systemd', () => {
  it('is told that whoever starts its services has to start it', async () => {
    await using agent = new Agent(client, CONFIG)
    for (const verb of ['install', 'uninstall', 'status']) {
      const { exitCode, json } = await agent.run(['service', verb, '--json'])
      expect([exitCode, json<ErrorReport>().error]).toMatchObject([69, { code: 'unsupported' }])
      expect(json<ErrorReport>().error.hint).toContain('`rs-agent run`')
    }
  })
})
