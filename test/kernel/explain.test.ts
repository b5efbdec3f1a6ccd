import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Explanation } from '../../agent/checks/explanation.ts'
import { CHECK_IDS } from '../../agent/realserver/verify/check.ts'
import type { Host } from '../support/host.ts'
import { agentOn, done, fileTree, useSegment, VIP } from '../support/real-server.ts'
import type { Agent, Check, ErrorReport, VerifyReport } from '../support/rs-agent.ts'

interface ExplainReport {
  /** Absent when one check was asked for. */
  lastVerify?: string | null
  explanations: (Explanation & { id: string; results: Check[] })[]
}

const MEMORY = 'run/rs-agent/last-verify.json'
/** What one host by itself can be right in. */
const VERIFY = ['verify', '--only', 'vip-bound,vip-route,arp-sysctl']

const network = useSegment()
let host: Host
let agent: Agent
beforeEach(async () => {
  host = await network.bootHost()
  agent = agentOn(host)
})

describe('explain ID', () => {
  it('tells what the check proves, and what causes, shows and mends it', async () => {
    const { exitCode, stdout, stderr } = await agent.run(['explain', 'vip-route'])
    expect([exitCode, stderr]).toEqual([0, ''])
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('vip-route: The host route of the VIP leads to lo.')
    expect(lines).toEqual(expect.arrayContaining(['  Causes', '  Show', '  Mend']))
    expect(stdout).toContain('    $ ip route show $VIP')
    expect(stdout).toContain('    $ rs-agent apply')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(96)
  })

  it('tells it as a document', async () => {
    const finished = await agent.run(['--json', 'explain', 'datapath'])
    expect(finished.exitCode).toBe(0)
    expect(finished.json<ExplainReport>().explanations).toEqual([
      {
        id: 'datapath',
        title: expect.any(String),
        meaning: expect.any(String),
        causes: expect.any(Array),
        show: expect.any(Array),
        mend: expect.any(Array),
        results: [],
      },
    ])
  })

  it('refuses an id that does not exist, and names the nearest', async () => {
    const finished = await agent.run(['explain', '--json', 'rp_filter'])
    expect(finished.exitCode).toBe(64)
    expect(finished.json<ErrorReport>().error).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('the nearest is rp-filter'),
      hint: expect.stringContaining('vip-bound'),
    })
  })

  it('needs neither a configuration nor any right', async () => {
    rmSync(join(agent.root, 'etc'), { recursive: true })
    const launcher = ['setpriv', '--bounding-set=-all', '--']
    const { exitCode, stderr } = await agent.run(['explain', 'vip-bound'], { launcher })
    expect([exitCode, stderr]).toEqual([0, ''])
  })
})

describe('explain', () => {
  it('lists every check before any verify', async () => {
    const { exitCode, stdout } = await agent.run(['explain'])
    expect(exitCode).toBe(0)
    for (const id of CHECK_IDS) expect(stdout).toContain(`  ${id} `)
    expect(stdout).toContain('no verify is remembered since the last boot')
    expect(await explain()).toEqual({ lastVerify: null, explanations: [] })
  })

  it('names what the last verify found wrong, with its evidence', async () => {
    await done(agent, 'apply')
    await host.namespace.ip(`route del ${VIP}/32 dev lo`)
    await host.namespace.writeSysctl(['ipv4/conf/all/arp_ignore', 'ipv4/conf/eth0/arp_ignore'], 0)
    const verified = await agent.run([...VERIFY, '--json'])
    expect(verified.exitCode).toBe(2)
    const wrong = verified.json<VerifyReport>().checks.filter(({ verdict }) => verdict === 'fail')

    const { lastVerify, explanations } = await explain()
    expect(Date.parse(String(lastVerify))).toBeGreaterThan(Date.now() - 60_000)
    expect(explanations.map(({ id }) => id)).toEqual(['vip-route', 'arp-sysctl'])
    expect(explanations.flatMap(({ results }) => results)).toEqual(wrong)

    const { exitCode, stdout } = await agent.run(['explain'])
    expect(exitCode).toBe(0)
    for (const { id, evidence, hint } of wrong) {
      expect(stdout).toContain(`FAIL    ${id}`)
      expect(stdout).toContain(evidence)
      expect(stdout).toContain(`-> ${hint}`)
    }
    expect(stdout).not.toContain('vip-bound:')
  })

  it('names what could not be found out, too', async () => {
    await done(agent, 'apply')
    await network.segment.switch.ip(`link set ${host.nics[0]?.port} down`)
    expect((await agent.run(['verify', '--only', 'arp-silence'])).exitCode).toBe(3)
    const { explanations } = await explain()
    expect(explanations.map(({ id, results }) => [id, results[0]?.verdict])).toEqual([
      ['arp-silence', 'unknown'],
    ])
  })

  it('says that a verify found nothing wrong', async () => {
    await done(agent, 'apply')
    expect((await agent.run(VERIFY)).exitCode).toBe(0)
    const { exitCode, stdout } = await agent.run(['explain'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/the verify of \d{4}-\S+Z found nothing wrong/)
    expect((await explain()).explanations).toEqual([])
  })

  it('does not tell of what a later apply has mended', async () => {
    expect((await agent.run(VERIFY)).exitCode).toBe(2)
    await done(agent, 'apply')
    expect(await explain()).toEqual({ lastVerify: null, explanations: [] })
  })

  it('writes nothing', async () => {
    await agent.run(VERIFY)
    const before = fileTree(agent.root)
    await agent.run(['explain'])
    await agent.run(['explain', 'vip-bound'])
    expect(fileTree(agent.root)).toEqual(before)
  })

  it.for([
    '',
    '{',
    'null',
    '[]',
    '{"at":1}',
    '{"at":"now","checks":[null]}',
    '{"at":"now","checks":[{"id":1}]}',
  ])('takes a memory that reads %j for none', async content => {
    mkdirSync(join(agent.root, 'run/rs-agent'), { recursive: true })
    writeFileSync(join(agent.root, MEMORY), content)
    expect(await explain()).toEqual({ lastVerify: null, explanations: [] })
  })
})

describe('verify works without a memory', () => {
  it('where the state folder cannot be written', async () => {
    await done(agent, 'apply')
    chmodSync(join(agent.root, 'run/rs-agent'), 0o555)
    // Root may write anywhere, but for this.
    const launcher = ['setpriv', '--bounding-set=-dac_override', '--']
    const { exitCode, stderr } = await agent.run(VERIFY, { launcher })
    expect([exitCode, stderr]).toEqual([0, ''])
    expect((await explain()).lastVerify).toBeNull()
  })

  it('where something else is in the place of the folder', async () => {
    await done(agent, 'apply')
    rmSync(join(agent.root, 'run'), { recursive: true })
    writeFileSync(join(agent.root, 'run'), '')
    const { exitCode, stderr } = await agent.run(VERIFY)
    expect([exitCode, stderr]).toEqual([0, ''])
    expect((await explain()).lastVerify).toBeNull()
  })
})

async function explain(): Promise<ExplainReport> {
  const finished = await agent.run(['explain', '--json'])
  expect(finished.exitCode, finished.stdout).toBe(0)
  return finished.json<ExplainReport>()
}
