import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Host } from '../support/host.ts'
import { agentOn, done, OF_THE_HOST_ALONE, useSegment, VIP } from '../support/real-server.ts'
import type { Agent, ErrorReport, VerifyReport } from '../support/rs-agent.ts'

const network = useSegment()

const IDS = [
  'vip-bound',
  'vip-route',
  'arp-sysctl',
  'arp-sysctl-persisted',
  'arp-silence',
  'arp-announce',
  'ndp-silence',
  'proxy-arp',
  'rp-filter',
  'vip-owner',
  'datapath',
  'nfs-mounted',
  'service-answers',
  'packages',
  'boot-persistence',
]

describe('verify makes', () => {
  it('the checks of --only alone, and counts the others as skipped', async () => {
    const { agent } = await bootRealServer()
    const report = await verify(agent, '--only', 'vip-route, vip-bound')
    expect(report).toMatchObject({ exitCode: 0, verdict: 'pass' })
    expect(madeOf(report)).toEqual(['vip-bound', 'vip-route'])
    const skipped = report.checks.filter(({ verdict }) => verdict === 'skipped')
    expect(skipped.map(({ id }) => id)).toEqual(IDS.slice(2))
    for (const { evidence } of skipped) expect(evidence).toBe('left out by --only')
  })

  it('all but the checks of --skip', async () => {
    const { agent } = await bootRealServer()
    const report = await verify(agent, '--skip', 'vip-owner,datapath,service-answers,arp-silence')
    expect(report.verdict).toBe('pass')
    expect(madeOf(report)).not.toContain('arp-silence')
    expect(report.checks.find(({ id }) => id === 'arp-silence')).toMatchObject({
      verdict: 'skipped',
      evidence: 'left out by --skip',
    })
  })

  it('what --only names and --skip does not', async () => {
    const { agent } = await bootRealServer()
    const report = await verify(agent, '--only', 'vip-bound,vip-route,arp-sysctl', '--skip', 'vip-route')
    expect(madeOf(report)).toEqual(['vip-bound', 'arp-sysctl'])
    const why = new Map(report.checks.map(({ id, evidence }) => [id, evidence]))
    expect(why.get('vip-route')).toBe('left out by --skip')
    expect(why.get('datapath')).toBe('left out by --only')
  })

  it('what two --only name, and not what two --skip do', async () => {
    const { agent } = await bootRealServer()
    const twice = ['--only', 'vip-bound', '--only', 'vip-route,arp-sysctl']
    expect(madeOf(await verify(agent, ...twice))).toEqual(['vip-bound', 'vip-route', 'arp-sysctl'])
    const skipping = ['--skip', 'vip-bound', '--skip', 'arp-sysctl']
    expect(madeOf(await verify(agent, ...twice, ...skipping))).toEqual(['vip-route'])
  })

  it('no check that was left out, even if it would fail', async () => {
    const { agent, host } = await bootRealServer()
    await host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    expect((await verify(agent, '--only', 'vip-bound')).exitCode).toBe(2)
    expect((await verify(agent, '--only', 'arp-sysctl')).exitCode).toBe(0)
  })
})

describe('verify --offline', () => {
  it('puts no frame on the wire, of a host that is right and of one that is loud', async () => {
    const { agent, host } = await bootRealServer()
    // It would send router solicitations and multicast reports of its own.
    await host.namespace.writeSysctl('ipv6/conf/eth0/disable_ipv6', 1)
    const before = await sentPackets(host)
    const report = await verify(agent, '--offline', '--skip', 'service-answers')
    expect(report).toMatchObject({ exitCode: 0, verdict: 'pass' })
    for (const id of ['arp-silence', 'ndp-silence', 'vip-owner', 'datapath'])
      expect(report.checks.find(check => check.id === id)).toMatchObject({
        verdict: 'skipped',
        evidence: expect.stringContaining('--offline'),
      })
    expect((await sentPackets(host)) - before).toBe(0)

    await host.namespace.writeSysctl(everywhere('arp_ignore'), 0)
    await host.namespace.writeSysctl(everywhere('arp_announce'), 0)
    const loud = await verify(agent, '--offline')
    expect(loud.exitCode).toBe(2)
    expect((await sentPackets(host)) - before).toBe(0)
  })

  it('asks the web server all the same: the request stays on lo', async () => {
    const { agent, host } = await bootRealServer()
    await host.namespace.writeSysctl('ipv6/conf/eth0/disable_ipv6', 1)
    const before = await sentPackets(host)
    const report = await verify(agent, '--offline', '--only', 'service-answers')
    expect(report).toMatchObject({ exitCode: 2, verdict: 'fail' })
    expect((await sentPackets(host)) - before).toBe(0)
  })
})

describe('verify refuses', () => {
  it.for([
    [['--only', 'arp-silent'], /--only: there is no check "arp-silent"; the nearest is arp-silence/],
    [['--skip', 'vip-bound,datapth'], /--skip: there is no check "datapth"; the nearest is datapath/],
    [['--only', 'VIP-BOUND'], /no check "VIP-BOUND"/],
    [['--only', ''], /--only names no check/],
    [['--skip', ' '], /--skip names no check/],
    [['--only', 'vip-bound,,vip-route'], /a name is missing beside a comma/],
    [['--only', 'vip-bound', '--skip', 'vip-bound'], /leave no check/],
    [['--only', 'vip-owner,datapath', '--offline'], /leave no check/],
  ] as const)('%j', async ([options, message]) => {
    const agent = agentOn(await network.bootHost())
    const finished = await agent.run(['verify', ...options, '--json'])
    expect(finished.exitCode).toBe(64)
    const { error } = finished.json<ErrorReport>()
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
    expect(error.hint).toContain(IDS.join(', '))
  })
})

describe('the text of verify', () => {
  it('tells what failed first, then what is not known, then in one line what passed', async () => {
    const { agent, host } = await bootRealServer()
    await host.namespace.ip(`route del ${VIP}/32 dev lo`)
    await network.segment.switch.ip(`link set ${host.nics[0]?.port} down`)
    const { exitCode, stdout, stderr } = await agent.run(['verify', ...OF_THE_HOST_ALONE])
    expect(exitCode).toBe(2)
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    const labels = lines.flatMap(line => /^ {2}(FAIL|UNKNOWN|ok|skipped) /.exec(line)?.[1] ?? [])
    expect(labels).toEqual(['FAIL', 'UNKNOWN', 'UNKNOWN', 'ok'])
    expect(lines.find(line => line.startsWith('  ok'))).toContain('vip-bound, arp-sysctl,')
    expect(lines.at(-1)).toMatch(
      /^rs-agent verify: fail, 1 failed, 2 unknown, \d+ passed, \d+ skipped in \d+\.\d\d s; `rs-agent explain`/,
    )
  })

  it('counts what was left out in its last line', async () => {
    const { agent } = await bootRealServer()
    const { stdout } = await agent.run(['verify', '--only', 'vip-bound,vip-route'])
    expect(stdout).toMatch(/^ {2}ok +vip-bound, vip-route\n/)
    expect(stdout).toMatch(/rs-agent verify: pass, 2 passed, 13 skipped in \d+\.\d\d s$/)
  })

  it('says why nothing was found out, and sends nobody to explain', async () => {
    const { agent } = await bootRealServer()
    const { exitCode, stdout } = await agent.run(['verify', '--only', 'ndp-silence'])
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^ {2}skipped ndp-silence .*nothing to look at/)
    expect(stdout).toMatch(/\nrs-agent verify: unknown, 15 skipped in \d+\.\d\d s$/)
  })

  it('shows what it waits for on stderr, on a terminal alone, and only after a second', async () => {
    const { agent } = await bootRealServer()
    const slow = ['verify', '--only', 'vip-bound,vip-owner']
    expect((await agent.run(slow)).stderr).toBe('')
    const shown = await onTerminal(agent, slow)
    expect(shown.stderr).toContain('\r\u001b[Kwaiting for vip-owner')
    // Nothing of it is left on the line.
    expect(shown.stderr.endsWith('\r\u001b[K')).toBe(true)
    expect(shown.stdout).not.toContain('waiting for')
    const { stdout, stderr } = await onTerminal(agent, ['verify', '--only', 'vip-bound'])
    // On a busy machine even this one may take longer than a second.
    if (Number(/ in (.*) s\n/.exec(stdout)?.[1]) < 1) expect(stderr).toBe('')
  })
})

const everywhere = (sysctl: string) => [`ipv4/conf/all/${sysctl}`, `ipv4/conf/eth0/${sysctl}`]

async function bootRealServer(): Promise<{ host: Host; agent: Agent }> {
  const host = await network.bootHost()
  const agent = agentOn(host)
  await done(agent, 'apply')
  return { host, agent }
}

async function verify(
  agent: Agent,
  ...options: string[]
): Promise<VerifyReport & { exitCode: number | undefined }> {
  const finished = await agent.run(['verify', ...options, '--json'])
  return { ...finished.json<VerifyReport>(), exitCode: finished.exitCode }
}

function madeOf({ checks }: VerifyReport): string[] {
  return [...new Set(checks.filter(({ verdict }) => verdict !== 'skipped').map(({ id }) => id))]
}

async function sentPackets(host: Host): Promise<number> {
  const [link] = JSON.parse(await host.run('ip', ['-j', '-s', 'link', 'show', 'eth0']))
  return link.stats64.tx.packets
}

/** Its stderr is a terminal; its stdout is not, so that the two do not mix. */
async function onTerminal(agent: Agent, args: string[]): Promise<{ stdout: string; stderr: string }> {
  const file = join(agent.root, 'stdout')
  const launcher = ['sh', '-c', `exec script -qec "$* >${file}" /dev/null`, 'sh']
  const { stdout: terminal } = await agent.run(args, { launcher })
  return { stdout: readFileSync(file, 'utf8'), stderr: terminal }
}
