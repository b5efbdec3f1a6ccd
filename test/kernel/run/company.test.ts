import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { filesBelow } from '../../../agent/host/files.ts'
import { DRAIN_FLAG, writeDrain } from '../../../agent/realserver/drain/drain-flag.ts'
import { KeptHost, VIP } from '../../support/kept-host.ts'
import type { RealServerRun } from '../../support/real-server-run.ts'
import type { ChangeReport, ErrorReport } from '../../support/rs-agent.ts'

/** Other commands of rs-agent beside a run. */
let kept: KeptHost
let run: RealServerRun
beforeEach(async () => {
  kept = await KeptHost.build()
  run = await kept.start()
})
afterEach(() => kept[Symbol.asyncDispose]())

it('a second run ends at once, and says who is there already', async () => {
  const second = await kept.agent.run(['run', '--json'])
  expect(second.exitCode).toBe(75)
  expect(second.json<ErrorReport>().error).toMatchObject({
    code: 'locked',
    message: expect.stringContaining('another `rs-agent run`'),
    hint: expect.stringContaining('status'),
  })
  // The first one has not noticed.
  await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
  await run.says(/bound again/)
})

it('apply finds nothing to do, and makes what was configured meanwhile', async () => {
  for (let time = 0; time < 3; time++) {
    const { exitCode, stdout, stderr } = await kept.agent.run(['apply', '--json'])
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(stdout) as ChangeReport).toMatchObject({ converged: true, changed: false })
  }
  kept.agent.configure(`realServer: { vips: [{ address: ${VIP} }, { address: 10.10.10.101 }] }\n`)
  expect((await kept.agent.run(['apply', '--json'])).exitCode).toBe(0)
  await run.says(/read again, and in use/)
  await kept.hasVips(`lo ${VIP}/32`, 'lo 10.10.10.101/32')
  expect(run.warnings).toEqual([])
})

it('remove is refused, and says what to do first', async () => {
  const { exitCode, stdout } = await kept.agent.run(['remove', '--json'])
  expect(exitCode).toBe(75)
  const { error } = JSON.parse(stdout) as ErrorReport
  expect(error).toMatchObject({ code: 'locked', hint: expect.stringContaining('stop') })
  expect(await kept.vips()).toEqual([`lo ${VIP}/32`])
})

it('a VIP that was withdrawn by a drain stays away until the drain ends', async () => {
  writeDrain(filesBelow(kept.agent.root), 'withdrawn', new Date())
  await kept.hasVips()
  await run.reports({ drain: 'withdrawn' })
  // Nothing that happens brings it back.
  await kept.host.namespace.ip('link set lo down', 'link set lo up', 'link set eth0 down', 'link set eth0 up')
  await kept.host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
  await run.says(/^net\/ipv4\/conf\/all\/arp_ignore/)
  run.signal('SIGHUP')
  await run.says(/read again/)
  expect(await kept.vips()).toEqual([])
  rmSync(join(kept.agent.root, DRAIN_FLAG))
  await kept.hasVips(`lo ${VIP}/32`)
})

it('a VIP that is unbound right after the drain was written is not bound again', async () => {
  const flag = join(kept.agent.root, DRAIN_FLAG)
  writeDrain(filesBelow(kept.agent.root), 'withdrawn', new Date())
  await kept.host.spawn('ip', ['addr', 'del', `${VIP}/32`, 'dev', 'lo'], { input: '' })
  await run.reports({ drain: 'withdrawn', vips: [{ bound: false }] })
  expect(existsSync(flag)).toBe(true)
  expect(run.said.filter(said => said.includes('bound again'))).toEqual([])
  // Drained alone leaves it bound.
  writeFileSync(flag, '')
  await kept.hasVips(`lo ${VIP}/32`)
})
