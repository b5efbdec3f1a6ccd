import { afterEach, expect, it } from 'vitest'
import { leaksOf, startArpStorm } from '../../support/arp-storm.ts'
import { KeptHost, VIP } from '../../support/kept-host.ts'

/** What a run leaves to those who come after it: whatever it did, remove knows what was there before. */
let kept: KeptHost
afterEach(() => kept?.[Symbol.asyncDispose]())

const OTHER = '10.10.10.101'

it('a VIP that was in place when the configuration came to name it stays silent after remove', async () => {
  kept = await KeptHost.build()
  const run = await kept.start()
  await kept.host.namespace.ip(`addr add ${OTHER}/32 dev lo`, `route add ${OTHER}/32 dev lo`)
  kept.agent.configure(`realServer: { vips: [{ address: ${VIP} }, { address: ${OTHER} }] }\n`)
  await run.says(/read again, and in use/)
  expect(await run.end('SIGTERM')).toBe(0)
  expect((await kept.agent.run(['remove'])).exitCode).toBe(0)
  expect(await kept.vips()).toEqual([`lo ${OTHER}/32`])
  const storm = await startArpStorm(kept.client, OTHER, { perSecond: 2000, limitMs: 300 })
  expect(leaksOf(await storm.ended, [kept.host])).toBe(0)
})
