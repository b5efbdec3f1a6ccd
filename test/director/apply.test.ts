import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApache } from '../support/apache.ts'
import {
  Cluster,
  directorConfig,
  RIPS,
  RIPS6,
  serviceConfig,
  succeed,
  VIP,
  VIP6,
} from '../support/cluster.ts'
import { type DirectorState, stateOf } from '../support/director-state.ts'
import type { ChangeReport, ErrorReport } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'

let cluster: Cluster
let before: DirectorState
beforeAll(async () => {
  cluster = await Cluster.build()
  before = await stateOf(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())

const BOTH = RIPS.map(address => ({ address }))
const CONFIG = `${directorConfig(BOTH)}${serviceConfig(
  VIP6,
  RIPS6.map(address => ({ address })),
)}`
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-A -t [${VIP6}]:80 -s rr`,
  ...RIPS.map(rip => `-a -t ${VIP}:80 -r ${rip}:80 -g -w 1`),
  ...RIPS6.map(rip => `-a -t [${VIP6}]:80 -r [${rip}]:80 -g -w 1`),
].sort()

interface NotedReport extends ChangeReport {
  notes: string[]
}

async function expectAsBefore(): Promise<void> {
  expect(differences(before, await stateOf(cluster))).toEqual([])
}

async function refusal(...words: string[]): Promise<ErrorReport['error'] & { exitCode: number | undefined }> {
  const finished = await cluster.director.agent.run([...words, '--json'])
  return { ...finished.json<ErrorReport>().error, exitCode: finished.exitCode }
}

describe('a host without the role', () => {
  it('becomes the director that plan announced, tells the segment, and is given back exactly', async () => {
    const { director, client, visitor } = cluster
    director.agent.configure(CONFIG)
    const planned = await director.agent.run(['director', 'plan', '--json'])
    expect(planned.exitCode).toBe(2)
    const plan = planned.json<ChangeReport>()
    expect(plan).toMatchObject({ converged: false, changed: false })
    await expectAsBefore()

    // Whoever noted another owner must hear of the new one without having asked.
    await client.namespace.ip(
      ...[VIP, VIP6].map(vip => `neigh replace ${vip} lladdr 02:00:00:00:ee:01 dev eth0 nud stale`),
    )
    const applied = await succeed<ChangeReport>(director.agent, 'director apply')
    expect(applied).toMatchObject({ converged: true, changed: true, changes: plan.changes })
    expect(await cluster.rules()).toEqual(RULES)
    const neighbours: { dst: string; lladdr: string }[] = JSON.parse(
      await client.run('ip', ['-j', 'neigh', 'show', 'dev', 'eth0']),
    )
    for (const vip of [VIP, VIP6])
      expect(neighbours.find(({ dst }) => dst === vip)?.lladdr, vip).toBe(director.host.mac)
    const addresses = await director.host.run('ip', ['-o', 'addr', 'show', 'dev', 'eth0'])
    expect(addresses).toContain(` ${VIP}/32 `)
    expect(addresses).toContain(` ${VIP6}/128 `)
    expect(await visitor.fetch({ address: VIP6 }, 4)).toMatchObject({
      answers: { rs1: 2, rs2: 2 },
      failures: {},
    })

    const again = await succeed<ChangeReport>(director.agent, 'director apply')
    expect(again).toMatchObject({ converged: true, changed: false, changes: [] })
    const removed = await succeed<ChangeReport>(director.agent, 'director remove')
    // Modules stay: whoever else uses them by now is not known.
    const subjects = ({ changes }: ChangeReport) =>
      changes.filter(({ id }) => id !== 'kernel-module').map(({ subject }) => subject)
    expect(subjects(removed).sort()).toEqual(subjects(applied).sort())
    await expectAsBefore()
    expect(await succeed<ChangeReport>(director.agent, 'director remove')).toMatchObject({
      changed: false,
      changes: [],
    })
  })

  it('does not take a VIP that another host owns', async () => {
    const { director, client } = cluster
    await client.namespace.ip(`addr add ${VIP}/32 dev eth0`)
    director.agent.configure(directorConfig(BOTH))
    const error = await refusal('director', 'apply')
    await client.namespace.ip(`addr del ${VIP}/32 dev eth0`)
    expect(error).toMatchObject({ exitCode: 1, code: 'failed', message: expect.stringContaining(client.mac) })
    // By then the table was filled, and is empty again.
    expect(error.message).toContain('nothing was changed: every step was undone')
    expect(error.hint).toMatch(/^`rs-agent probe 10\.10\.10\.100` says who it is/)
    await expectAsBefore()
  })

  it('is not a director when the module of a scheduler is missing, which is named', async () => {
    const { agent, host } = cluster.director
    // Another test may have loaded it, and nobody uses it now.
    await host.spawn('modprobe', ['-r', 'ip_vs_twos'], { input: '' })
    const folder = join(agent.root, 'modprobe.d')
    mkdirSync(folder)
    writeFileSync(join(folder, 'hidden.conf'), 'install ip_vs_twos /bin/false\n')
    agent.configure(directorConfig(BOTH, { scheduler: 'twos' }))
    const finished = await agent.run(['director', 'apply', '--json'], {
      env: { MODPROBE_OPTIONS: `-C ${folder}` },
    })
    expect(finished.exitCode, finished.stdout).toBe(69)
    const { error } = finished.json<ErrorReport>()
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('ip_vs_twos') })
    expect(error.hint).toContain('modprobe ip_vs_twos')
    await expectAsBefore()
  })

  it('is left alone by a user who may not change it', async () => {
    const { agent } = cluster.director
    agent.configure(CONFIG)
    const launcher = ['setpriv', '--bounding-set=-net_admin', '--']
    const finished = await agent.run(['director', 'apply', '--json'], { launcher })
    expect(finished.exitCode, finished.stdout).toBe(77)
    expect(finished.json<ErrorReport>().error).toMatchObject({
      code: 'missing-capability',
      message: expect.stringContaining('CAP_NET_ADMIN'),
    })
    await expectAsBefore()
  })

  it('takes no VIP of which it may not ask who has it', async () => {
    const { agent } = cluster.director
    agent.configure(directorConfig(BOTH))
    const launcher = ['setpriv', '--bounding-set=-net_raw', '--']
    const finished = await agent.run(['director', 'apply', '--json'], { launcher })
    expect(finished.exitCode, finished.stdout).toBe(77)
    expect(finished.json<ErrorReport>().error).toMatchObject({
      code: 'missing-capability',
      message: expect.stringContaining('nothing was changed: every step was undone'),
      hint: expect.stringContaining('CAP_NET_RAW'),
    })
    await expectAsBefore()
  })

  it('that hides the VIP as a real server does not become its director', async () => {
    const [{ host, agent }] = cluster.realServers
    const snapshot = await host.snapshot()
    const file = join(agent.root, 'etc/rs-agent/director.yaml')
    writeFileSync(file, directorConfig(BOTH), { mode: 0o600 })
    const finished = await agent.run(['--config', file, 'director', 'apply', '--json'])
    expect(finished.exitCode, finished.stdout).toBe(65)
    expect(finished.json<ErrorReport>().error.message).toContain(`real server of ${VIP}`)
    expect(differences(snapshot, await host.snapshot())).toEqual([])
    expect(await host.run('ipvsadm', ['-Sn'])).toBe('')
  })
})

describe('a director', () => {
  const OTHERS = ['-A -t 10.10.10.200:80 -s rr', `-a -t 10.10.10.200:80 -r ${RIPS[0]}:80 -g -w 7`]
  beforeAll(async () => {
    const { agent, host } = cluster.director
    await host.run('ipvsadm', ['-R'], { input: `${OTHERS.join('\n')}\n` })
    agent.configure(directorConfig(BOTH))
    await succeed(agent, 'director apply')
  })

  it('keeps an open connection through changes of weight and scheduler, and while others come and go', async () => {
    const { agent, host } = cluster.director
    await cluster.visitor.connect({ address: VIP })
    const { connections } = await succeed<{ connections: { realServer: string; state: string }[] }>(
      agent,
      `director connections --vip ${VIP}`,
    )
    expect(connections).toMatchObject([{ state: 'ESTABLISHED' }])
    const serving = connections[0]?.realServer ?? ''
    const other = RIPS.find(rip => rip !== serving) ?? ''

    agent.configure(directorConfig([{ address: serving, weight: 5 }, { address: other }]))
    const reweighted = await succeed<ChangeReport>(agent, 'director apply')
    expect(reweighted.changes.map(({ action, subject }) => [action, subject])).toEqual([
      ['update', `${serving}:80 of ${VIP}:80/tcp`],
    ])

    // This host as a real server of its own, in the place of the other one.
    await startApache(host)
    const members = [{ address: serving, weight: 5 }, { address: host.address }]
    agent.configure(directorConfig(members, { scheduler: 'wrr' }))
    const exchanged = await succeed<ChangeReport>(agent, 'director apply')
    const inTable = exchanged.changes.filter(({ id }) => id === 'ipvs-pool')
    expect(inTable.map(({ action, subject }) => [action, subject])).toEqual([
      ['update', `${VIP}:80/tcp`],
      ['create', `${host.address}:80 of ${VIP}:80/tcp`],
      ['delete', `${other}:80 of ${VIP}:80/tcp`],
    ])
    expect(await cluster.visitor.ask()).toBe(serving === RIPS[0] ? 'rs1' : 'rs2')
    const { answers, failures } = await cluster.visitor.fetch({ address: VIP }, 12)
    expect(failures).toEqual({})
    expect(answers).toEqual({ [serving === RIPS[0] ? 'rs1' : 'rs2']: 10, director: 2 })
    expect(await succeed(agent, 'director status')).toMatchObject({
      asConfigured: true,
      vips: [{ address: VIP, bound: true, evidence: 'on eth0 as /32' }],
      pending: 0,
    })
  })

  it('changes the scheduler in place, and says what clients notice: for a moment new connections are refused', async () => {
    const { visitor, director } = cluster
    const [first, other] = ['rr', 'wrr']
    director.agent.configure(directorConfig(BOTH, { scheduler: first }))
    await succeed(director.agent, 'director apply')
    const tally = await visitor.fetchDuring({ address: VIP }, async () => {
      for (const scheduler of [other, first, other]) {
        director.agent.configure(directorConfig(BOTH, { scheduler }))
        const plan = (await director.agent.run(['director', 'plan', '--json'])).json<NotedReport>()
        const inTable = plan.changes.filter(({ id }) => id === 'ipvs-pool')
        expect(inTable.map(({ action, subject }) => [action, subject])).toEqual([['update', `${VIP}:80/tcp`]])
        expect(plan.notes).toEqual([
          expect.stringMatching(
            `^${VIP}:80/tcp has no scheduler .*open connections stay, new ones are refused`,
          ),
        ])
        const applied = await succeed<NotedReport>(director.agent, 'director apply')
        expect(applied).toMatchObject({ changes: plan.changes, notes: plan.notes })
      }
    })
    // Refused, and nothing worse: none hangs, none is cut off in the middle.
    expect(Object.keys(tally.failures).filter(why => why !== 'ECONNREFUSED')).toEqual([])
    expect(tally.answers).toEqual({ rs1: expect.any(Number), rs2: expect.any(Number) })
    expect(await visitor.fetch({ address: VIP }, 4)).toMatchObject({
      answers: { rs1: 2, rs2: 2 },
      failures: {},
    })
  })

  it('is not made a real server of its VIP', async () => {
    const state = await stateOf(cluster)
    const { agent } = cluster.director
    agent.configure(`realServer: { vips: [{ address: ${VIP} }] }\n`)
    const error = await refusal('apply')
    expect(error).toMatchObject({ exitCode: 65, code: 'config-invalid' })
    expect(error.message).toContain(`director of ${VIP}`)
    expect(differences(state, await stateOf(cluster))).toEqual([])
  })

  it('leaves services of others alone until it is told otherwise, and brings them back', async () => {
    const { agent } = cluster.director
    expect(await cluster.rules()).toEqual(expect.arrayContaining(OTHERS))
    agent.configure(directorConfig(BOTH, { more: '  otherServices: remove\n' }))
    await succeed(agent, 'director apply')
    expect(await cluster.rules()).toEqual(RULES.filter(rule => !rule.includes('[')))
    await succeed(agent, 'director remove')
    expect(await cluster.rules()).toEqual([...OTHERS].sort())
    await cluster.director.host.run('ipvsadm', ['-C'])
    await expectAsBefore()
  })
})
