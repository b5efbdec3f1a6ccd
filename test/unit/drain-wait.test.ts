import { expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { wantedDirector } from '../../agent/director/desired.ts'
import { type Remaining, waitForConnections } from '../../agent/director/drain.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { configText } from '../support/config-text.ts'
import { DIRECTOR_VIPS } from '../support/director-scenes.ts'
import { onFakeHost } from '../support/fake-host.ts'
import { unusedPool } from '../support/fake-ipvs.ts'
import { SPARE_DIRECTOR } from '../support/spare-director.ts'

const { load } = configText()
const DRAINED = '10.10.10.12' as IpAddress
/** Two services, and another real server whose connections are nobody's business here. */
const configOf = (expires: boolean) => `director:
  interface: eth0
  expireQuiescentTemplate: ${expires}
  services:
    - listen: 10.10.10.100:80/tcp
      realServers: [{ address: ${DRAINED} }, { address: 10.10.10.13 }]
    - listen: 10.10.10.100:443/tcp
      realServers: [{ address: ${DRAINED} }, { address: 10.10.10.13 }]
`

/** What is counted, look by look, where the table holds these numbers for each service. */
async function counted(
  config: Config,
  looks: readonly Partial<Remaining>[],
  { limitMs = 60_000, stopAfter = Number.POSITIVE_INFINITY } = {},
): Promise<{ counts: Remaining[]; left: Remaining }> {
  const counts: Remaining[] = []
  let left: Remaining | undefined
  const pools = wantedDirector(config).pools.map(unusedPool)
  const found = {
    ...SPARE_DIRECTOR,
    ipvs: { pools, timeouts: { tcpSeconds: 1, tcpFinSeconds: 1, udpSeconds: 1 }, daemons: [] },
  }
  await onFakeHost(found, { served: DIRECTOR_VIPS }, async host => {
    const stopping = new AbortController()
    const look = (number: number): void =>
      host.meddle(({ ipvs }) => {
        const { activeConnections = 0, persistentClients = 0 } = looks[number] ?? {}
        for (const { destinations } of ipvs?.pools ?? [])
          for (const destination of destinations)
            Object.assign(
              destination,
              destination.address === DRAINED
                ? { activeConnections, persistentConnections: persistentClients }
                : { activeConnections: 1000, persistentConnections: 1000 },
            )
      })
    look(0)
    left = await waitForConnections(host, config, DRAINED, {
      limitMs,
      signal: stopping.signal,
      onCount(count) {
        counts.push(count)
        look(counts.length)
        if (counts.length >= stopAfter) stopping.abort()
      },
    })
  })
  return { counts, left: left ?? expect.fail('it did not end') }
}

const of = (activeConnections: number, persistentClients = 0) => ({ activeConnections, persistentClients })

it('waits until no connection is left in any service, and tells how many there are', async () => {
  const { counts, left } = await counted(load(configOf(true)), [of(2), of(1), of(0)])
  expect(counts).toEqual([of(4), of(2), of(0)])
  expect(left).toEqual(of(0))
})

it('waits for persistent clients where the configuration lets them stay, and only there', async () => {
  const looks = [of(0, 1), of(0, 0)]
  expect((await counted(load(configOf(false)), looks)).counts).toEqual([of(0, 2), of(0)])
  expect((await counted(load(configOf(true)), looks)).counts).toEqual([of(0)])
})

it('tells what is left when its time is over, and when it is broken off', async () => {
  const busy = Array.from({ length: 100 }, () => of(3))
  expect((await counted(load(configOf(true)), busy, { limitMs: 0 })).left).toEqual(of(6))
  expect((await counted(load(configOf(true)), busy, { stopAfter: 2 })).counts).toEqual([of(6), of(6)])
})
