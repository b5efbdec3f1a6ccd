import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Host } from '../../support/host.ts'
import { RealServerRun } from '../../support/real-server-run.ts'
import { Agent } from '../../support/rs-agent.ts'
import { Segment } from '../../support/segment.ts'

const VIP = '10.10.10.100'
const OTHER = '10.10.10.101'
const configOf = (vip: string): string =>
  `realServer: { vips: [{ address: ${vip} }] }\nservice: { listen: none }\n`

let segment: Segment
let host: Host
beforeAll(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs1', '10.10.10.12/24')
})
afterAll(() => segment[Symbol.asyncDispose]())

const isBound = async (vip: string): Promise<boolean> =>
  (await host.run('ip', ['-4', 'address', 'show', 'dev', 'lo'])).includes(vip)

it('uses the configuration that was good last when it is broken at a boot, until it is mended', async () => {
  await using agent = new Agent(host, configOf(VIP))
  {
    await using run = await RealServerRun.start(agent)
    expect(await run.end('SIGTERM')).toBe(0)
  }
  // What a boot leaves of it.
  await host.namespace.ip(`address del ${VIP}/32 dev lo`)
  agent.configure('realServer: { vips: [{ address: 10.10.10.10 }')

  await using run = await RealServerRun.start(agent)
  expect(await isBound(VIP)).toBe(true)
  expect(run.warnings.join('\n')).toMatch(/config\.yaml:1:.*the last good configuration is used/s)
  await run.reports({ config: { refused: expect.stringMatching(/config\.yaml:1:/) } })

  agent.configure(configOf(OTHER))
  await run.says(/read again, and in use/)
  expect(await isBound(OTHER)).toBe(true)
  expect(await isBound(VIP)).toBe(false)
  await run.reports({ config: { refused: null } })

  expect(await run.end('SIGTERM')).toBe(0)
  expect((await agent.run(['remove'])).exitCode).toBe(0)
  expect(existsSync(join(agent.root, 'var/lib/rs-agent'))).toBe(false)
})

it('does not start with a broken configuration where none was ever good', async () => {
  await using agent = new Agent(host, 'realServer: {}')
  const { exitCode, stderr } = await agent.run(['run'])
  expect(exitCode).toBe(65)
  expect(stderr).toMatch(/realServer\.vips: is missing/)
})
