import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { PATIENT } from '../../support/agent-run.ts'
import { KeptHost, VIP } from '../../support/kept-host.ts'
import { unpackedLibrary } from '../../support/unpacked-tools.ts'

let kept: KeptHost
afterEach(() => kept?.[Symbol.asyncDispose]())

it('a clock that jumps by a year and back is no reason to do anything, or to do it less often', async () => {
  kept = await KeptHost.build(
    `realServer: { vips: [{ address: ${VIP} }] }\nservice: { resyncInterval: 1s }\n`,
  )
  const offset = join(kept.agent.root, 'offset')
  const setClock = (text: string): void => writeFileSync(offset, `${text}\n`)
  setClock('+0')
  // The clock on the wall as this process sees it, and no other; the one that never jumps goes on.
  const run = await kept.start({
    env: {
      LD_PRELOAD: unpackedLibrary('clock', 'faketime/libfaketimeMT.so.1'),
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  })
  const yearOf = (text: string): number => new Date(text).getUTCFullYear()
  const monitor = kept.host.spawn('ip', ['-o', 'monitor', 'address', 'route'], { input: '' })
  const now = new Date().getUTCFullYear()
  const storm = await kept.startStorm()
  for (const [clock, year] of [
    ['+366d', now + 1],
    ['-366d', now - 1],
    ['+0', now],
  ] as const) {
    setClock(clock)
    await expect.poll(() => yearOf(run.report().at), PATIENT).toBe(year)
    for (let time = 0; time < 3; time++) await run.resyncs()
    await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    const { at } = await run.says(/^10\.10\.10\.100\/32 on lo had gone: bound again/)
    expect(yearOf(at)).toBe(year)
    await kept.hasVips(`lo ${VIP}/32`)
  }
  await run.reports({ repairs: [{ count: 3, heldBackUntil: null }] })
  expect(run.warnings).toEqual([])
  monitor.kill('SIGTERM')
  const lines = (await monitor).stdout
    .split('\n')
    .filter(line => line.includes('Deleted') && line.includes(`inet ${VIP}`))
  expect(lines).toHaveLength(3)
  await kept.expectSilence(storm)
})
