import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LOCK_PATH } from '../../../agent/host/lock.ts'
import { FileLock } from '../../../agent/host/native.ts'
import type { Host } from '../../support/host.ts'
import { RealServerRun } from '../../support/real-server-run.ts'
import { Agent } from '../../support/rs-agent.ts'
import { Segment } from '../../support/segment.ts'

const VIP = '10.10.10.100'
const CONFIG = `realServer: { vips: [{ address: ${VIP} }] }\nservice: { listen: none }\n`

let segment: Segment
let host: Host
beforeAll(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs1', '10.10.10.12/24')
})
afterAll(() => segment[Symbol.asyncDispose]())

it('says that it knows nothing while another rs-agent is at work and does not end, and goes on after it', async () => {
  await using agent = new Agent(host, CONFIG)
  await using run = await RealServerRun.start(agent)
  await run.reports({ unsettled: null })
  // As a command that was stopped in the middle has it.
  const lock = await takeLock(join(agent.root, LOCK_PATH))
  await host.namespace.ip(`address del ${VIP}/32 dev lo`)
  await run.says(/another rs-agent is at work, and does not end/)
  await run.reports({ unsettled: expect.stringContaining('another rs-agent') })
  lock.release()
  await run.says(new RegExp(`^${VIP}.*bound again`))
  await run.reports({ unsettled: null, vips: [{ bound: true }] })
})

/** The run itself has it for some milliseconds now and then. */
async function takeLock(path: string): Promise<FileLock> {
  for (;;) {
    const lock = FileLock.tryAcquire(path)
    if (lock !== null) return lock
    await sleep(5)
  }
}

it('says that it is not as wanted when a look is refused', async () => {
  await using agent = new Agent(host, CONFIG.replace(VIP, 'fd00::100'))
  await using run = await RealServerRun.start(agent)
  await host.namespace.writeSysctl('ipv6/conf/lo/disable_ipv6', 1)
  await run.reports({ unsettled: expect.stringContaining('switched off on lo') })
  await host.namespace.writeSysctl('ipv6/conf/lo/disable_ipv6', 0)
  await run.reports({ unsettled: null, vips: [{ bound: true }] })
})
