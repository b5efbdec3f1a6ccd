import { afterEach, expect, it } from 'vitest'
import { KeptHost, VIP } from '../../support/kept-host.ts'

/** Somebody who undoes what rs-agent does, again and again. */
let kept: KeptHost
afterEach(() => kept?.[Symbol.asyncDispose]())

const LOUD = ['all', 'eth0'].map(scope => `/proc/sys/net/ipv4/conf/${scope}/arp_ignore`).join(' ')
const MAKE_LOUD_AGAIN_AND_AGAIN = `while :; do echo 0 | tee ${LOUD}; sleep 0.05; done >/dev/null`

it('a VIP that is deleted as fast as it can be is left alone for a growing while, and bound when that ends', {
  timeout: 120_000,
}, async () => {
  kept = await KeptHost.build()
  const run = await kept.start()
  const storm = await kept.startStorm()
  // `yes` ends with `ip`, whose input it is.
  const deleting = `exec ip -force -batch - < <(exec yes 'addr del ${VIP}/32 dev lo') >/dev/null 2>&1`
  const enemy = kept.host.spawn('bash', ['-c', deleting], { input: '' })
  await run.says(/^10\.10\.10\.100\/32 on lo something undoes the repair again and again/)
  const times: number[] = []
  while (times.length < 3) times.push(Date.parse((await run.says(/left alone for a while/)).at))
  const [first = 0, second = 0, third = 0] = times
  expect(second - first).toBeGreaterThanOrEqual(1000)
  expect(third - second).toBeGreaterThanOrEqual(2000)
  const { repairs } = await run.reports({
    repairs: expect.arrayContaining([expect.objectContaining({ heldBackUntil: expect.any(String) })]),
  })
  expect(repairs.find(({ resource }) => resource === 'vip-bound')?.count).toBeGreaterThan(50)
  enemy.kill('SIGKILL')
  await enemy
  await kept.hasVips(`lo ${VIP}/32`)
  await run.reports({ vips: [{ address: VIP, bound: true }], repairs: [{ heldBackUntil: null }] })
  await kept.expectSilence(storm)
})

it('a host that is made loud again and again loses its VIPs until it has been silent for a while', {
  timeout: 180_000,
}, async () => {
  kept = await KeptHost.build(
    `realServer: { vips: [{ address: ${VIP} }, { address: '2001:db8::100' }] }\nservice: { onAudible: unbind }\n`,
  )
  const run = await kept.start()
  const enemy = kept.host.spawn('sh', ['-c', MAKE_LOUD_AGAIN_AND_AGAIN], { input: '' })
  const told = await run.says(/cannot be kept silent: .*; its VIPs are unbound until it is silent/)
  expect(told).toMatchObject({ level: 'warning', message: expect.stringContaining('arp_ignore') })
  await kept.hasVips()
  await run.reports({
    withdrawn: expect.stringContaining('times within 10 s'),
    alarms: expect.arrayContaining([expect.objectContaining({ kind: 'audible' })]),
  })
  enemy.kill('SIGKILL')
  await enemy
  const storm = await kept.startStorm()
  await run.says(/has been silent for a while/)
  await kept.hasVips(`lo ${VIP}/32`, 'lo 2001:db8::100/128')
  await run.reports({ withdrawn: null })
  await kept.expectSilence(storm)
})

it('a host that is made loud again and again keeps its VIPs where that is configured, and tells', async () => {
  kept = await KeptHost.build(`realServer: { vips: [{ address: ${VIP} }] }\nservice: { onAudible: keep }\n`)
  const run = await kept.start()
  const enemy = kept.host.spawn('sh', ['-c', MAKE_LOUD_AGAIN_AND_AGAIN], { input: '' })
  await run.says(/cannot be kept silent: .*; its VIPs stay bound, as configured/)
  expect(await kept.vips()).toEqual([`lo ${VIP}/32`])
  expect(await run.reports({ withdrawn: null })).toMatchObject({ vips: [{ bound: true }] })
  enemy.kill('SIGKILL')
  await enemy
  await run.reports({ nics: [{ name: 'eth0', silent: true }] })
})

it('a host whose sysctls cannot be written loses its VIP at once when somebody makes it loud', async () => {
  kept = await KeptHost.build()
  const run = await kept.start({ launcher: ['unshare', '--mount'] })
  const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys'
  const pid = String(await run.pid())
  await kept.host.run('nsenter', ['--mount', '--target', pid, 'sh', '-ec', readOnly])
  // One of them alone leaves it silent: nothing is taken away.
  await kept.host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
  await run.says(/EROFS|read-only/i)
  expect(await kept.vips()).toEqual([`lo ${VIP}/32`])
  await kept.host.namespace.writeSysctl('ipv4/conf/eth0/arp_ignore', 0)
  await run.says(/cannot be kept silent: .*; its VIPs are unbound/)
  await kept.hasVips()
  await kept.staysSilent()
})
