import { join } from 'node:path'
import { expect, it } from 'vitest'
import { wantedDirector } from '../../agent/director/desired.ts'
import { AS_CONFIGURED, type Rotation } from '../../agent/director/rotation.ts'
import { ServedTable } from '../../agent/director/served-table.ts'
import { isLocked, LOCK_PATH } from '../../agent/host/lock.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { configText } from '../support/config-text.ts'
import { DIRECTOR_VIPS } from '../support/director-scenes.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { SPARE_DIRECTOR } from '../support/spare-director.ts'

const { load } = configText()
const CONFIG = `director:
  interface: eth0
  services:
    - listen: 10.10.10.100:80/tcp
      realServers: [{ address: 10.10.10.12 }, { address: 10.10.10.13 }, { address: 10.10.10.14 }]
`
const wantedWithout = (...drained: string[]) =>
  wantedDirector(load(CONFIG), {
    ...AS_CONFIGURED,
    drained: new Set(drained as IpAddress[]),
  } satisfies Rotation)

const weights = async (host: FakeHost) =>
  Object.fromEntries(
    ((await (await host.ipvs())?.table()) ?? []).flatMap(({ destinations }) =>
      destinations.map(({ address, weight }) => [address.replace('10.10.10.', ''), weight]),
    ),
  )

async function onTable(
  work: (table: ServedTable, host: FakeHost, whenServed: (listener: () => void) => void) => Promise<void>,
): Promise<void> {
  await onFakeHost(SPARE_DIRECTOR, { served: DIRECTOR_VIPS }, async host => {
    let served = (): void => undefined
    const { signal } = new AbortController()
    const table = new ServedTable(host, wantedWithout(), { signal, onServed: () => served() })
    await table.converge(load(CONFIG), wantedWithout())
    await work(table, host, listener => {
      served = listener
    })
  })
}

it('does not take for its own what somebody else changed before its edit', async () => {
  await onTable(async (table, host) => {
    host.meddle(({ ipvs }) => {
      for (const pool of ipvs?.pools ?? [])
        pool.destinations = pool.destinations.filter(({ address }) => address !== '10.10.10.14')
    })
    expect(await table.serve(load(CONFIG), wantedWithout('10.10.10.12'))).toEqual([])
    expect(await weights(host)).toEqual({ 12: 0, 13: 1 })
    expect(await table.isChanged()).toBe(true)
    expect((await table.converge(load(CONFIG), table.served)).wasChanged).toBe(true)
    expect(await weights(host)).toEqual({ 12: 0, 13: 1, 14: 1 })
    expect(await table.isChanged()).toBe(false)
  })
})

it('takes a table for changed that went with its module', async () => {
  await onTable(async (table, host) => {
    expect(await table.isChanged()).toBe(false)
    host.meddle(kernel => {
      kernel.ipvs = null
    })
    expect(await table.isChanged()).toBe(true)
  })
})

it('says nothing of what another rs-agent did first, and rightly', async () => {
  await onTable(async (table, host) => {
    host.meddle(({ ipvs }) => {
      for (const destination of ipvs?.pools[0]?.destinations ?? [])
        if (destination.address === '10.10.10.12') destination.weight = 0
    })
    expect(await table.serve(load(CONFIG), wantedWithout('10.10.10.12'))).toEqual([])
    expect((await table.converge(load(CONFIG), table.served)).wasChanged).toBe(false)
  })
})

it('has it written down before another rs-agent may look', async () => {
  await onTable(async (table, host, whenServed) => {
    const lock = join(host.files.root, LOCK_PATH)
    const seen: unknown[] = []
    whenServed(() => seen.push([isLocked(lock), table.served]))
    const [first, second] = [wantedWithout('10.10.10.12'), wantedWithout()]
    await table.serve(load(CONFIG), first)
    await table.converge(load(CONFIG), second)
    expect(seen).toEqual([
      [true, first],
      [true, second],
    ])
    expect(isLocked(lock)).toBe(false)
  })
})
