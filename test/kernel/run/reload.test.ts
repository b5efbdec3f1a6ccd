import { afterEach, beforeEach, expect, it } from 'vitest'
import { KeptHost, VIP } from '../../support/kept-host.ts'
import type { RealServerRun } from '../../support/real-server-run.ts'

const OTHER = '10.10.10.101'
const THIRD = '10.10.10.102'

/** What becomes of a host whose configuration changes, or whose run ends. */
let kept: KeptHost
let run: RealServerRun
beforeEach(async () => {
  kept = await KeptHost.build(configOf([VIP, OTHER]))
})
afterEach(() => kept[Symbol.asyncDispose]())

function configOf(vips: string[], service = ''): string {
  return `realServer: { vips: [${vips.map(address => `{ address: ${address} }`).join(', ')}] }\n${service}\n`
}

it('binds a VIP that is added, and unbinds one that is dropped, without a touch of the others', async () => {
  run = await kept.start()
  const storm = await kept.startStorm()
  const monitor = kept.host.spawn('ip', ['-o', 'monitor', 'address'], { input: '' })
  kept.agent.configure(configOf([VIP, THIRD]))
  await run.says(/read again, and in use/)
  await kept.hasVips(`lo ${VIP}/32`, `lo ${THIRD}/32`)
  kept.agent.configure(configOf([VIP]))
  run.signal('SIGHUP')
  await run.says(/read again, and in use/)
  await kept.hasVips(`lo ${VIP}/32`)
  monitor.kill('SIGTERM')
  const { stdout } = await monitor
  expect(stdout).toContain(`Deleted`)
  expect(stdout).not.toContain(`${VIP}/`)
  expect(run.warnings).toEqual([])
  await kept.expectSilence(storm)
})

it.each([
  ['that is no YAML', 'realServer: {', /:1|:2/],
  ['with an address that is none', configOf(['10.10.10.300']), /10\.10\.10\.300/],
  ['with the address of this host as its VIP', configOf(['10.10.10.12']), /10\.10\.10\.12/],
  ['without the role', 'service: { onStop: keep }\n', /role|section/],
])('refuses a file %s, tells, and stays with the one before', async (_, config, why) => {
  run = await kept.start()
  const { config: used } = await run.reports({ config: { refused: null } })
  kept.agent.configure(config)
  const { level, message } = await run.says(/the configuration of before stays in use/)
  expect([level, message]).toEqual(['warning', expect.stringMatching(why)])
  await run.reports({ config: { readAt: used.readAt, refused: expect.stringMatching(why) } })
  // It is kept all the same.
  await kept.host.namespace.ip(`addr del ${OTHER}/32 dev lo`)
  await run.says(/^10\.10\.10\.101\/32 on lo had gone: bound again/)
  kept.agent.configure(configOf([VIP]))
  await run.says(/read again, and in use/)
  await run.reports({ config: { refused: null } })
  await kept.hasVips(`lo ${VIP}/32`)
})

it.each(['SIGTERM', 'SIGINT'] as const)('leaves all as it is when it ends by %s', async signal => {
  run = await kept.start()
  const before = await kept.snapshot()
  expect(await run.end(signal)).toBe(0)
  await kept.becomes(before)
  expect((await kept.agent.run(['status'])).exitCode).toBe(0)
  expect(run.warnings).toEqual([])
})

it('takes the role off when it ends, where that is configured', async () => {
  const before = await kept.snapshot()
  kept.agent.configure(configOf([VIP, OTHER], 'service: { onStop: remove }'))
  run = await kept.start()
  const storm = await kept.startStorm()
  expect(await run.end('SIGTERM')).toBe(0)
  await kept.becomes(before)
  await kept.expectSilence(storm)
})

it('takes the role off after a stop that came while the file was broken', async () => {
  const before = await kept.snapshot()
  kept.agent.configure(configOf([VIP], 'service: { onStop: remove }'))
  run = await kept.start()
  kept.agent.configure('realServer: {')
  await run.says(/the configuration of before stays in use/)
  expect(await run.end('SIGTERM')).toBe(0)
  await kept.becomes(before)
})

it('counts the age of what it has checked by the interval in use, and says that another place needs a restart', async () => {
  run = await kept.start()
  kept.agent.configure(configOf([VIP], "service: { listen: '127.0.0.1:9999', resyncInterval: 10m }"))
  await run.says(/`listen` is another one: it needs a restart/)
  const status = await kept.host.run('curl', ['-sS', 'http://127.0.0.1:9580/status.json'])
  expect(JSON.parse(status)).toMatchObject({ resyncIntervalMs: 600_000 })
})
