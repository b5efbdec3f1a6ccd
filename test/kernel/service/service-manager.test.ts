import { expect, test } from 'vitest'
import { serviceManagerOf } from '../../../agent/host/service-manager.ts'
import { DatagramListener } from '../../support/datagram-listener.ts'

test('tells whoever started it all that sd_notify(3) knows, and keeps the variables from its children', async () => {
  await using systemd = await DatagramListener.open()
  const env = {
    NOTIFY_SOCKET: systemd.path,
    WATCHDOG_USEC: '10000000',
    WATCHDOG_PID: String(process.pid),
    HOME: '/',
  }
  const manager = serviceManagerOf(env)
  expect(env).toEqual({ HOME: '/' })
  expect(manager.watchdogMs).toBe(10_000)

  manager.ready('1 VIP bound\n and silent')
  expect(await systemd.text()).toBe('READY=1\nSTATUS=1 VIP bound; and silent')
  manager.status('as it shall be')
  expect(await systemd.text()).toBe('STATUS=as it shall be')
  const beforeUs = process.hrtime.bigint() / 1_000n
  manager.reloading()
  const [, usec = '0'] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(await systemd.text()) ?? []
  expect(Number(usec) - Number(beforeUs)).toBeGreaterThanOrEqual(0)
  expect(Number(usec) - Number(beforeUs)).toBeLessThan(10_000_000)
  manager.alive()
  expect(await systemd.text()).toBe('WATCHDOG=1')
  manager.stopping()
  expect(await systemd.text()).toBe('STOPPING=1')
})

test('complains once of a socket that is gone, and goes on', async () => {
  await using systemd = await DatagramListener.open()
  const complaints: string[] = []
  const manager = serviceManagerOf({ NOTIFY_SOCKET: systemd.path }, message => complaints.push(message))
  manager.alive()
  expect(await systemd.text()).toBe('WATCHDOG=1')
  await systemd.fallSilent()
  for (const _ of [1, 2, 3]) manager.alive()
  expect(complaints).toEqual([expect.stringMatching(/^cannot tell the service starter: .*ECONNREFUSED/)])
})

test.for([
  { env: {}, watchdogMs: null },
  // Meant for its parent, or for nobody.
  { env: { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '10', WATCHDOG_PID: '1' }, watchdogMs: null },
  { env: { WATCHDOG_USEC: '10000', WATCHDOG_PID: String(process.pid) }, watchdogMs: null },
  { env: { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: 'soon' }, watchdogMs: null },
  { env: { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '0' }, watchdogMs: null },
  { env: { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '2500' }, watchdogMs: 2.5 },
])('is watched for $watchdogMs ms with $env', ({ env, watchdogMs }) => {
  expect(serviceManagerOf({ ...env }, () => undefined).watchdogMs).toBe(watchdogMs)
})

test('says nothing where nobody waits for it', () => {
  const complaints: string[] = []
  const manager = serviceManagerOf({}, message => complaints.push(message))
  manager.ready('')
  manager.alive()
  expect(complaints).toEqual([])
})
