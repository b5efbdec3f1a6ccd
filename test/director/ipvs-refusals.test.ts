import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IpvsEdit } from '../../agent/host/ipvs.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import {
  type Destination,
  type ServiceKey,
  serviceText,
  type VirtualService,
} from '../../agent/model/ipvs.ts'
import { Namespace } from '../support/namespace.ts'
import { IpvsEngine } from './ipvs-engine.ts'

let namespace: Namespace
let ipvs: IpvsEngine
beforeEach(async () => {
  execFileSync('modprobe', ['ip_vs'])
  namespace = await Namespace.open()
  await namespace.ip('link set lo up', 'addr add 10.10.10.11/24 dev lo')
  ipvs = new IpvsEngine(namespace)
})
afterEach(() => namespace[Symbol.asyncDispose]())

const ip = (text: string) => text as IpAddress
const KEY: ServiceKey = { kind: 'address', protocol: 'tcp', address: ip('10.10.10.100'), port: 80 }
const ABSENT: ServiceKey = { ...KEY, port: 81 }
const SERVICE: VirtualService = {
  key: KEY,
  scheduler: 'rr',
  schedulerFlags: [],
  onePacket: false,
  persistence: null,
  persistenceEngine: null,
}
const realServer = (address: string, part: Partial<Destination> = {}): Destination => ({
  address: ip(address),
  port: 80,
  forwarding: { method: 'direct-route' },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  ...part,
})
const addService = (port: number): IpvsEdit => ({
  edit: 'add-service',
  service: { ...SERVICE, key: { ...KEY, port } },
})

/** One process answers for all: to start it takes longer than all that it is asked. */
it('says what was asked, the errno and the next thing to do', async () => {
  const there = realServer('10.10.10.12')
  await ipvs.edit([
    { edit: 'add-service', service: SERVICE },
    { edit: 'add-destination', key: KEY, destination: there },
  ])
  const service = (part: Partial<VirtualService>) => ({ ...SERVICE, ...part })
  const destination = (address: string) => ({ key: KEY, destination: realServer(address) })
  const again = 'run the command again'
  const refusals: [edit: IpvsEdit, message: string, hint: string, code?: string][] = [
    [{ edit: 'add-service', service: SERVICE }, 'add the service 10.10.10.100:80/tcp: EEXIST', again],
    [
      { edit: 'edit-service', service: service({ key: ABSENT }) },
      'change the service 10.10.10.100:81/tcp: ESRCH',
      again,
    ],
    [{ edit: 'delete-service', key: ABSENT }, 'remove the service 10.10.10.100:81/tcp: ESRCH', again],
    [
      { edit: 'edit-service', service: service({ scheduler: 'nosuch' }) },
      'change the service 10.10.10.100:80/tcp: ENOENT',
      'modprobe ip_vs_nosuch`',
      'unsupported',
    ],
    [
      {
        edit: 'edit-service',
        service: service({
          persistence: { timeoutSeconds: 60, netmask: ip('255.255.255.255') },
          persistenceEngine: 'nosuch',
        }),
      },
      'change the service 10.10.10.100:80/tcp: ENOENT',
      'modprobe ip_vs_rr ip_vs_pe_nosuch`',
      'unsupported',
    ],
    [
      { edit: 'add-destination', key: KEY, destination: there },
      'add the real server 10.10.10.12:80 to 10.10.10.100:80/tcp: EEXIST',
      again,
    ],
    [
      { edit: 'add-destination', key: ABSENT, destination: there },
      'add the real server 10.10.10.12:80 to 10.10.10.100:81/tcp: ESRCH',
      again,
    ],
    [
      { edit: 'edit-destination', ...destination('10.10.10.13') },
      'change the real server 10.10.10.13:80 of 10.10.10.100:80/tcp: ENOENT',
      again,
    ],
    [
      { edit: 'delete-destination', ...destination('10.10.10.13') },
      'remove the real server 10.10.10.13:80 from 10.10.10.100:80/tcp: ENOENT',
      again,
    ],
    [
      { edit: 'add-destination', ...destination('224.0.0.1') },
      'add the real server 224.0.0.1:80 to 10.10.10.100:80/tcp: EINVAL',
      'unicast',
    ],
    [
      { edit: 'add-destination', key: KEY, destination: realServer('10.10.10.13', { weight: -1 }) },
      'add the real server 10.10.10.13:80 to 10.10.10.100:80/tcp: its weight must be from 0 to 2147483647, not -1',
      'ipvsadm',
    ],
  ]
  for (const [edit, message, hint, code = 'failed'] of refusals)
    await expect(ipvs.edit([edit])).rejects.toMatchObject({
      code,
      message: `cannot ${message}`,
      hint: expect.stringContaining(hint),
    })
  await expect(ipvs.zero(ABSENT)).rejects.toThrow(
    'cannot set the counters of 10.10.10.100:81/tcp to 0: ESRCH',
  )
  expect(await ipvs.service(ABSENT)).toBeNull()
  expect(await ipvs.destinations(ABSENT)).toEqual([])
  expect(await ipvs.table()).toMatchObject([{ service: SERVICE, destinations: [there] }])
})

it('asks for nothing when one of the edits cannot be', async () => {
  const impossible = { ...SERVICE, key: { ...KEY, port: 0 } }
  await expect(
    ipvs.edit([addService(1000), addService(1001), { edit: 'add-service', service: impossible }]),
  ).rejects.toThrow('cannot add the service 10.10.10.100:0/tcp: every port (0) needs persistence')
  expect(await ipvs.services()).toEqual([])
})

it('names the one of a long list, whose batch is done and whose later batches are not sent', async () => {
  const edits = Array.from({ length: 300 }, (_, index) => addService(1000 + index))
  const refused = 150
  await ipvs.edit(edits.slice(refused, refused + 1))
  await expect(ipvs.edit(edits)).rejects.toThrow('cannot add the service 10.10.10.100:1150/tcp: EEXIST')
  // Batches of 128: the first is done, of the second all but the one that was there, the third not begun.
  const found = (await ipvs.services()).map(({ key }) => serviceText(key))
  expect(found.sort()).toEqual(Array.from({ length: 256 }, (_, i) => `10.10.10.100:${1000 + i}/tcp`).sort())
  await expect(ipvs.edit(edits.slice(0, 5))).rejects.toThrow(/1000\/tcp: EEXIST.* \(and 4 more\)$/)
})

it('keeps the answers of concurrent calls apart', async () => {
  await ipvs.edit(Array.from({ length: 40 }, (_, index) => addService(1000 + index)))
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const key: ServiceKey = { ...KEY, port: 2000 + index }
      const [refusal, services, timeouts, found] = await Promise.all([
        ipvs
          .edit([addService(2000 + index), addService(1000 + index)])
          .catch(({ message }: Error) => message),
        ipvs.services(),
        ipvs.timeouts(),
        ipvs.service(key),
      ])
      return { refusal, services: services.length, timeouts, found }
    }),
  )
  for (const [index, { refusal, services, timeouts, found }] of outcomes.entries()) {
    expect(refusal).toBe(`cannot add the service 10.10.10.100:${1000 + index}/tcp: EEXIST`)
    expect(services).toBeGreaterThanOrEqual(40)
    expect(timeouts.tcpSeconds).toBeGreaterThan(0)
    expect(found?.key).toMatchObject({ port: 2000 + index })
  }
})

describe('without CAP_NET_ADMIN', () => {
  it('says what is missing, for reading, too', async () => {
    const powerless = new IpvsEngine(namespace, ['setpriv', '--bounding-set=-net_admin', '--'])
    const missing = { code: 'missing-capability', hint: 'needs CAP_NET_ADMIN' }
    await expect(powerless.table()).rejects.toMatchObject({
      ...missing,
      message: 'cannot read the table of services: EPERM',
    })
    await expect(powerless.info()).rejects.toMatchObject(missing)
    await expect(powerless.daemons()).rejects.toMatchObject(missing)
    await expect(powerless.zero()).rejects.toMatchObject(missing)
    await expect(powerless.edit([addService(80)])).rejects.toMatchObject({
      ...missing,
      message: 'cannot add the service 10.10.10.100:80/tcp: EPERM',
    })
  })
})

describe('an overrun', () => {
  it('ends the exchange, and neither the process nor the next exchange', async () => {
    await ipvs.edit([addService(80)])
    await ipvs.call({ call: 'tuneReceiveBuffer', args: [1] })
    const refused = Array<IpvsEdit>(128).fill(addService(80))
    await expect(ipvs.edit(refused)).rejects.toThrow('did not answer')
    await expect(ipvs.edit(refused)).rejects.toThrow('(and 127 more)')
    expect(await ipvs.services()).toHaveLength(1)
  })

  it('does not come of a dump, however little room there is for it', async () => {
    const edits = Array.from({ length: 500 }, (_, index) => addService(1000 + index))
    await ipvs.edit(edits)
    await ipvs.call({ call: 'tuneReceiveBuffer', args: [1] })
    expect(await ipvs.services()).toHaveLength(500)
    expect(await ipvs.table()).toHaveLength(500)
  })
})

it('ends what waits when it is closed, and then the process by itself', async () => {
  await ipvs.edit([addService(80)])
  const waiting = Promise.allSettled([ipvs.table(), ipvs.services(), ipvs.info()])
  expect(await ipvs.end()).toMatchObject({ exitCode: 0, stderr: '' })
  for (const outcome of await waiting)
    if (outcome.status === 'rejected')
      expect((outcome.reason as Error).message).toBe('netlink connection closed')
})
