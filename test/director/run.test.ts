import { rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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
const DRAINED = 'var/lib/rs-agent/director-drained.json'
const PAGE = { address: VIP }
const [RS1, RS2] = RIPS
const CHECKS = `      fallback: ${FALLBACK}:80
      check:
        - { type: http, path: /, interval: 1s, timeout: 500ms, rise: 2, fall: 2 }
        - { type: tcp, path: vip, interval: 1s, timeout: 500ms, rise: 2, fall: 2 }
`

type Options = Parameters<typeof directorConfig>[1]

function configure(weights: readonly [number, number], checks = CHECKS, options: Options = {}): void {
  const destinations = RIPS.map((address, index) => ({ address, weight: weights[index] ?? 1 }))
  cluster.director.agent.configure(`${directorConfig(destinations, options)}${checks}`)
}

const weightsInKernel = async () =>
  (await cluster.rules())
    .filter(rule => rule.startsWith('-a'))
    .map(rule => rule.replace(/^-a -t \S+ -r (\S+):80 .* -w (\d+)$/, '$1 $2'))

/** Pulls the director's cable, or puts it back, and waits until its kernel has seen it. */
async function unplug(state: 'down' | 'up'): Promise<void> {
  const [{ port } = { port: '' }] = cluster.director.host.nics
  await cluster.segment.switch.ip(`link set ${port} ${state}`)
  const flags = async () => (await cluster.director.host.run('ip', ['-o', 'link', 'show', 'eth0'])).trim()
  await expect
    .poll(flags, { timeout: 10_000, interval: 20 })
    .toMatch(state === 'down' ? /NO-CARRIER/ : /LOWER_UP/)
}

const status = () => succeed<StatusReport>(cluster.director.agent, 'director status')

interface StatusReport {
  asConfigured: boolean
  drained: string[]
  run: {
    refusedConfig: string | null
    services: Record<string, { realServers: Record<string, { health: string; part: string; why: string }> }>
    inRotation: Record<string, Record<string, { slowStart: { weight: number; of: number } | null }>>
    alarms: { vip: string; mac: string; address: string | null; since: string; heardAt: string }[]
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

  it('nobody comes back by a damaged list of who is drained', async () => {
    const { agent } = cluster.director
    await succeed(agent, `director drain ${RS2}`)
    await run.says(new RegExp(`^${RS2}:80 .* drained`))
    await writeFile(join(agent.root, DRAINED), '{"addresses":')
    await run.says(/director-drained.json is damaged: who is drained is not known$/)
    const refused = await agent.run(['director', 'undrain', RS2, '--json'])
    expect([refused.exitCode, refused.stdout]).toMatchObject([1, expect.stringContaining('remove it, then')])
    expect(await weightsInKernel()).toEqual([`${RS1} 1`, `${RS2} 0`])
    await rm(join(agent.root, DRAINED))
    await run.says(new RegExp(`^${RS2}:80 .* in rotation`))
  })

  it('persistent clients stay with a drained real server where the configuration says so', async () => {
    const { agent } = cluster.director
    const persistent = (expires: boolean) => {
      const text = directorConfig(
        RIPS.map(address => ({ address })),
        { more: `  expireQuiescentTemplate: ${expires}\n  timeouts: { tcpFin: 1s }\n` },
      )
      agent.configure(`${text}      persistence: { timeout: 4s }\n${CHECKS}`)
      return run.says(/read again/)
    }
    await persistent(false)
    const { answers } = await cluster.visitor.fetch(PAGE, 5)
    const [[mine, count] = []] = Object.entries(answers)
    expect(count).toBe(5)
    const rip = mine === 'rs1' ? RS1 : RS2
    const waited = await agent.run(['director', 'drain', rip, '--limit', '1', '--json'])
    expect([waited.exitCode, waited.json()]).toMatchObject([1, { drained: true, persistentClients: 1 }])
    expect(await cluster.visitor.fetch(PAGE, 5)).toMatchObject({ answers: { [`${mine}`]: 5 } })
    // Nothing keeps it but time: nobody asks any more.
    expect(await succeed(agent, `director drain ${rip} --limit 60`)).toMatchObject({ persistentClients: 0 })
    await succeed(agent, `director undrain ${rip}`)

    await persistent(true)
    const again = Object.keys((await cluster.visitor.fetch(PAGE, 5)).answers)[0] === 'rs1' ? RS1 : RS2
    expect(await succeed(agent, `director drain ${again}`)).toMatchObject({ persistentClients: 0 })
    const elsewhere = again === RS1 ? 'rs2' : 'rs1'
    expect(await cluster.visitor.fetch(PAGE, 5)).toMatchObject({ answers: { [elsewhere]: 5 }, failures: {} })
    await succeed(agent, `director undrain ${again}`)
    configure([1, 1])
    await run.says(/read again/)
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

  it('leaves open connections open, whatever becomes of their real server', async () => {
    await cluster.visitor.connect(PAGE)
    configure([1, 2])
    await run.says(/read again/)
    expect(await cluster.visitor.ask()).toMatch(/^rs[12]$/)
    await cluster.visitor.connect(PAGE)
    configure([0, 0])
    await run.says(/read again/)
    expect(await cluster.visitor.ask()).toMatch(/^rs[12]$/)
    configure([7, 9])
    await run.says(/read again/)
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

  it('is refused too where nobody can even look at it', async () => {
    const file = join(cluster.director.agent.root, 'etc/rs-agent/config.yaml')
    await rm(file)
    await symlink(file, file)
    await run.says(/ELOOP.* stays in use/)
    await rm(file)
    configure([1, 1])
    await run.says(/read again/)
  })
})

it('takes out the one real server whose own check fails', async () => {
  const { agent } = cluster.director
  const own = 'check: { type: command, command: [test, -e, /nowhere], interval: 1s, fall: 2 }'
  const destinations = RIPS.map(address => ({ address, weight: 1 }))
  const text = `${directorConfig(destinations)}${CHECKS}`
  const changed = text.replace(`'${RS2}',`, `'${RS2}', ${own},`)
  expect(changed).not.toBe(text)
  agent.configure(changed)
  await run.says(new RegExp(`^${RS2}:80 .* out of rotation: test: exit status 1`))
  expect(await weightsInKernel()).toEqual([`${RS1} 1`, `${RS2} 0`])
  configure([1, 1])
  await run.says(new RegExp(`^${RS2}:80 .* in rotation`))
})

describe('a slow start', () => {
  const slowly = (time: string) =>
    configure([100, 100], `      slowStart: ${time}\n${CHECKS}`, { scheduler: 'wrr' })
  const slow = async () => {
    const { run: report } = await status()
    return report?.inRotation[`${VIP}:80/tcp`]?.[`${RS1}:80`]?.slowStart
  }
  const weightOf = async (rip: string) =>
    Number((await weightsInKernel()).find(line => line.startsWith(`${rip} `))?.split(' ')[1])

  beforeAll(async () => {
    slowly('90s')
    await run.says(/read again/)
    // Those that a run finds in the table have been there for long, as far as it knows.
    await run.end('SIGTERM')
    run = await DirectorRun.start(cluster.director.agent)
  })

  it('gives one that comes back a tenth of its weight, and every other command agrees', async () => {
    expect(await weightsInKernel()).toEqual([`${RS1} 100`, `${RS2} 100`])
    cluster.webServers[0]?.signal('SIGKILL')
    await run.says(new RegExp(`^${RS1}:80 .* out of rotation: `))
    await cluster.startWeb(0)
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
    await run.says(new RegExp(`^${RS1}:80 .* slow start of 90 s: weight 10 of 100`))
    expect(await cluster.visitor.fetch(PAGE, 44)).toMatchObject({ answers: { rs1: 4, rs2: 40 } })
    const { agent } = cluster.director
    await succeed(agent, 'director plan')
    expect(await succeed(agent, 'director apply')).toMatchObject({ changed: false })
    expect((await status()).asConfigured).toBe(true)
    expect(await slow()).toMatchObject({ weight: await weightOf(RS1), of: 100 })
    const { stdout } = await agent.run(['director', 'status'])
    expect(stdout).toMatch(new RegExp(`${RS1}:80 .*, slow start, [1-9]0 of 100, [0-9]+ s left, up since`))
  })

  it('goes on where it was, when the run is killed, and grows', async () => {
    await run.end('SIGKILL')
    const before = await weightOf(RS1)
    run = await DirectorRun.start(cluster.director.agent)
    expect([before < 100, await weightOf(RS1)]).toEqual([true, before])
    await expect.poll(() => weightOf(RS1), { timeout: 40_000, interval: 500 }).toBeGreaterThan(before)
    expect(await weightOf(RS2)).toBe(100)
  })

  it('begins by the hand that undrains, not only once the run sees it', async () => {
    const { agent } = cluster.director
    await succeed(agent, `director drain ${RS2} --no-wait`)
    await run.says(new RegExp(`^${RS2}:80 .* drained`))
    // Nobody else serves: it has the whole.
    expect(await weightsInKernel()).toEqual([`${RS1} 100`, `${RS2} 0`])
    await succeed(agent, `director undrain ${RS2}`)
    expect(await weightOf(RS2)).toBeLessThanOrEqual(50)
    await run.says(new RegExp(`^${RS2}:80 .* slow start of 90 s`))
    expect(await weightOf(RS1)).toBe(100)
  })

  it('ends with the whole weight, and one line for it', async () => {
    slowly('4s')
    await run.says(/read again/)
    await run.says(new RegExp(`^${RS2}:80 .* the slow start is over: weight 100`))
    expect(await weightsInKernel()).toEqual([`${RS1} 100`, `${RS2} 100`])
    expect(await slow()).toBe(null)
  })
})

describe('a real server that answers ARP for the VIP', () => {
  it('is an alarm, once, in the log and in the status, and serves on', async () => {
    configure([2, 2], CHECKS, { more: '  arpAudit: 2s\n' })
    await run.says(/read again/)
    const [{ host }] = cluster.realServers
    await host.namespace.writeSysctl(['ipv4/conf/all/arp_ignore', 'ipv4/conf/eth0/arp_ignore'], 0)
    const { level, message } = await run.says(new RegExp(`^${VIP} on ${RS1} ALARM`))
    expect([level, message]).toEqual([
      'warning',
      expect.stringMatching(
        new RegExp(`answers ARP for ${VIP} with ${host.mac}.* on ${RS1}: rs-agent apply`),
      ),
    ])
    const told = run.warnings.length
    const alarm = { vip: VIP, mac: host.mac, address: RS1 }
    const [first] = (await status()).run?.alarms ?? []
    expect(first).toMatchObject(alarm)
    await expect.poll(async () => (await status()).run?.alarms[0]?.heardAt).not.toBe(first?.heardAt)
    expect((await status()).run?.alarms).toMatchObject([{ ...alarm, since: first?.since }])
    const { stdout } = await cluster.director.agent.run(['director', 'status'])
    expect(stdout).toMatch(new RegExp(`ALARM ${RS1} answers ARP for ${VIP} with ${host.mac} since `))
    expect(await weightsInKernel()).toEqual([`${RS1} 2`, `${RS2} 2`])
    expect(run.warnings).toHaveLength(told)
  })

  it('is quiet again once it is silenced, which is told too', async () => {
    await succeed(cluster.realServers[0].agent, 'apply')
    await run.says(new RegExp(`^${VIP} on ${RS1} quiet again`))
    expect((await status()).run?.alarms).toEqual([])
    configure([1, 1])
    await run.says(/read again/)
  })
})

describe('the run itself', () => {
  it('takes nobody out while its own NIC flaps, and says that it cannot ask', async () => {
    const before = run.warnings.length
    await unplug('down')
    await run.says(/^real servers stay unchecked, and in or out as before: eth0 has no carrier$/)
    await unplug('up')
    await run.says(/^all real servers can be checked again$/)
    for (let flap = 0; flap < 5; flap++) {
      await unplug('down')
      await unplug('up')
      await cluster.visitor.fetch(PAGE, 1)
    }
    // What was asked while it flapped has ended by the time that a real failure is found.
    cluster.webServers[0]?.signal('SIGKILL')
    await run.says(new RegExp(`^${RS1}:80 .* out of rotation: `))
    const told = run.warnings.slice(before).filter(warning => !/ unchecked, /.test(warning))
    // By whichever of its two checks came first.
    const why = /^10.10.10.12:80 .* (it refuses the connection|it answers with a reset)/
    expect(told).toEqual([expect.stringMatching(why)])
    expect(await weightsInKernel()).toEqual([`${RS1} 0`, `${RS2} 1`])
    await cluster.startWeb(0)
    await run.says(new RegExp(`^${RS1}:80 .* in rotation`))
  })

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
