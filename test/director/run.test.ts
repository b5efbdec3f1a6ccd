import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cluster, directorConfig, RIPS, succeed, VIP } from '../support/cluster.ts'
import { DirectorRun } from '../support/director-run.ts'

/** `director run` while clients ask for pages: real servers die and come back, and so does the run itself. */
let cluster: Cluster
let run: DirectorRun
beforeAll(async () => {
  cluster = await Cluster.build()
  await cluster.addRealServer('fallback', FALLBACK)
  configure([1, 1])
  run = await DirectorRun.start(cluster.director.agent)
})
afterAll(async () => {
  await run[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

const FALLBACK = '10.10.10.31'
const PAGE = { address: VIP }
const [RS1, RS2] = RIPS
const CHECKS = `      fallback: ${FALLBACK}:80
      check:
        - { type: http, path: /, interval: 1s, timeout: 500ms, rise: 2, fall: 2 }
        - { type: tcp, path: vip, interval: 1s, timeout: 500ms, rise: 2, fall: 2 }
`

function configure(weights: readonly [number, number], checks = CHECKS): void {
  const destinations = RIPS.map((address, index) => ({ address, weight: weights[index] ?? 1 }))
  cluster.director.agent.configure(`${directorConfig(destinations)}${checks}`)
}

const weightsInKernel = async () =>
  (await cluster.rules())
    .filter(rule => rule.startsWith('-a'))
    .map(rule => rule.replace(/^-a -t \S+ -r (\S+):80 .* -w (\d+)$/, '$1 $2'))

const status = () => succeed<StatusReport>(cluster.director.agent, 'director status')

interface StatusReport {
  asConfigured: boolean
  drained: string[]
  run: {
    refusedConfig: string | null
    services: Record<string, { realServers: Record<string, { health: string; part: string; why: string }> }>
  } | null
}

describe('a web server that is gone', () => {
  it.each([
    ['killed', 'SIGKILL'],
    ['frozen', 'SIGSTOP'],
  ] as const)('(%s) is out of rotation until it is back', async (_, signal) => {
    cluster.webServers[0]?.signal(signal)
    await run.says(new RegExp(`^${RS1}:80 .* out of rotation: `))
    expect(await cluster.visitor.fetch(PAGE, 20)).toMatchObject({ answers: { rs2: 20 }, failures: {} })
    const { run: report, asConfigured } = await status()
    expect(asConfigured).toBe(true)
    expect(report?.services[`${VIP}:80/tcp`]?.realServers[`${RS1}:80`]).toMatchObject({
      health: 'down',
      part: 'out',
    })
    await cluster.startWeb(0)
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
    expect(await cluster.visitor.fetch(PAGE, 20)).toMatchObject({
      answers: { rs1: 10, rs2: 10 },
      failures: {},
    })
  })

  it('is replaced by the fallback when it was the last one', async () => {
    for (const web of cluster.webServers) web.signal('SIGKILL')
    await run.says(/the fallback serves/)
    expect(await cluster.visitor.fetch(PAGE, 10)).toMatchObject({ answers: { fallback: 10 }, failures: {} })
    await cluster.startWeb(1)
    await run.says(/the fallback rests/)
    expect(await cluster.visitor.fetch(PAGE, 10)).toMatchObject({ answers: { rs2: 10 }, failures: {} })
    await cluster.startWeb(0)
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
  })
})

it('takes a real server out that has lost the VIP, while its own address answers', async () => {
  const [{ host }] = cluster.realServers
  await host.namespace.ip(`addr del ${VIP}/32 dev lo`)
  const { message } = await run.says(new RegExp(`^${RS1}:80 .* out of rotation: `))
  expect(message).toMatch(/VIP/)
  expect(await cluster.visitor.fetch({ address: RS1 }, 1)).toMatchObject({ answers: { rs1: 1 } })
  expect(await cluster.visitor.fetch(PAGE, 20)).toMatchObject({ answers: { rs2: 20 }, failures: {} })
  await host.namespace.ip(`addr add ${VIP}/32 dev lo`)
  await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
})

describe('by hand', () => {
  it('a real server is drained, whatever checks say, and comes back', async () => {
    const { agent } = cluster.director
    const drained = await succeed(agent, `director drain ${RS2}`)
    expect(drained).toMatchObject({ address: RS2, changed: true, drained: true, activeConnections: 0 })
    await run.says(new RegExp(`^${RS2}:80 .* drained`))
    expect(await cluster.visitor.fetch(PAGE, 10)).toMatchObject({ answers: { rs1: 10 }, failures: {} })
    expect(await status()).toMatchObject({ asConfigured: true, drained: [RS2] })
    expect(await succeed(agent, `director undrain ${RS2}`)).toMatchObject({ changed: true })
    await run.says(new RegExp(`^${RS2}:80 .* in rotation`))
    expect(await weightsInKernel()).toEqual([`${RS1} 1`, `${RS2} 1`])
  })

  it('only what is a real server is drained', async () => {
    const { agent } = cluster.director
    const unknown = await agent.run(['director', 'drain', '10.10.10.99', '--json'])
    expect([unknown.exitCode, unknown.stdout]).toMatchObject([
      64,
      expect.stringContaining('is no real server'),
    ])
  })

  it('a table that somebody emptied is made again', async () => {
    await cluster.director.host.run('ipvsadm', ['-C'])
    await run.says(/had changed/)
    expect(await weightsInKernel()).toEqual([`${RS1} 1`, `${RS2} 1`])
  })

  it('the role is not taken off under it', async () => {
    const { exitCode, stdout } = await cluster.director.agent.run(['director', 'remove', '--json'])
    expect([exitCode, stdout]).toMatchObject([75, expect.stringContaining('stop it')])
  })
})

describe('a configuration that changes', () => {
  it('is used, and lets nobody in who had failed', async () => {
    cluster.webServers[0]?.signal('SIGKILL')
    await run.says(new RegExp(`^${RS1}:80 .* out of rotation: `))
    configure([7, 9])
    run.signal('SIGHUP')
    await run.says(/read again/)
    expect(await weightsInKernel()).toEqual([`${RS1} 0`, `${RS2} 9`])
    await cluster.startWeb(0)
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
    expect(await weightsInKernel()).toEqual([`${RS1} 7`, `${RS2} 9`])
  })

  it('is refused when it is broken, and the old one stays', async () => {
    const tally = await cluster.visitor.fetchDuring(PAGE, async () => {
      cluster.director.agent.configure('director: { interface: eth0, services: [')
      await run.says(/stays in use/)
      const told = await cluster.director.agent.run(['director', 'status', '--json'])
      expect(told.exitCode).toBe(2)
      expect(told.json<StatusReport>().run?.refusedConfig).toMatch(/config\.yaml:1:/)
    })
    expect(tally.failures).toEqual({})
    expect(await weightsInKernel()).toEqual([`${RS1} 7`, `${RS2} 9`])
    configure([1, 1])
    await run.says(/read again/)
    expect((await status()).run?.refusedConfig).toBe(null)
  })
})

describe('the run itself', () => {
  it('takes nobody out when it was stopped for a while', async () => {
    const before = run.warnings.length
    run.signal('SIGSTOP')
    await cluster.visitor.fetchDuring(PAGE, () => new Promise(resolve => setTimeout(resolve, 6000)))
    run.signal('SIGCONT')
    // Its next checks have ended by then.
    configure([2, 2])
    await run.says(/read again/)
    expect(run.warnings.slice(before)).toEqual([])
    expect(await weightsInKernel()).toEqual([`${RS1} 2`, `${RS2} 2`])
  })

  it('when it is killed leaves the kernel to its work, and goes on where it was', async () => {
    cluster.webServers[0]?.signal('SIGKILL')
    await run.says(new RegExp(`^${RS1}:80 .* out of rotation: `))
    const tally = await cluster.visitor.fetchDuring(PAGE, async () => {
      await run.end('SIGKILL')
      run = await DirectorRun.start(cluster.director.agent)
    })
    expect(Object.keys(tally.answers)).toEqual(['rs2'])
    expect(tally.failures).toEqual({})
    expect(await weightsInKernel()).toEqual([`${RS1} 0`, `${RS2} 2`])
    await cluster.startWeb(0)
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
  })

  it('ends in good order, and leaves the table as it is', async () => {
    expect(await run.end('SIGTERM')).toBe(0)
    expect(await weightsInKernel()).toEqual([`${RS1} 2`, `${RS2} 2`])
    expect((await status()).run).toBe(null)
  })
})
