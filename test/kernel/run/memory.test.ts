import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
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

it('a VIP that was bound by hand before, and taken away because this host was loud, is put back as it was', async () => {
  kept = await KeptHost.build()
  // Somebody had followed the books.
  for (const scope of ['all', 'eth0']) {
    await kept.host.namespace.writeSysctl(`ipv4/conf/${scope}/arp_ignore`, 1)
    await kept.host.namespace.writeSysctl(`ipv4/conf/${scope}/arp_announce`, 2)
  }
  await kept.host.namespace.ip(`addr add ${VIP}/32 dev lo label lo:web`)
  const before = await kept.snapshot()
  const run = await kept.start()
  const loud = ['all', 'eth0'].map(scope => `/proc/sys/net/ipv4/conf/${scope}/arp_ignore`).join(' ')
  const again = `while :; do echo 0 | tee ${loud}; sleep 0.05; done >/dev/null`
  const enemy = kept.host.spawn('sh', ['-c', again], { input: '' })
  await run.says(/its VIPs are unbound/)
  await kept.hasVips()
  enemy.kill('SIGKILL')
  await enemy
  await run.reports({ nics: [{ name: 'eth0', silent: true }], vips: [{ bound: false }] })
  expect(await run.end('SIGTERM')).toBe(0)
  expect((await kept.agent.run(['remove'])).exitCode).toBe(0)
  await kept.becomes(before)
})

it('undoes a start that cannot be made, and does not stand in its own way', async () => {
  kept = await KeptHost.build()
  const folder = join(kept.agent.root, 'etc/sysctl.d')
  mkdirSync(folder)
  const before = await kept.snapshot()
  const readOnly = `mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder} && exec "$@"`
  const run = kept.begin({ launcher: ['unshare', '--mount', 'sh', '-ec', readOnly, 'sh'] })
  await run.says(/EROFS.*every step was undone/)
  await run.end('SIGTERM')
  expect(run.said.filter(said => /had become|cannot be kept silent/.test(said))).toEqual([])
  await kept.becomes(before)
})
