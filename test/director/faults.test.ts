import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cluster, directorConfig, RIPS, succeed, VIP } from '../support/cluster.ts'
import { type DirectorState, stateOf } from '../support/director-state.ts'
import { failAt, findPoints, killAt, type Point } from '../support/fault-injection.ts'
import type { ErrorReport } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'

/** What becomes of a director whose apply or remove is cut short, while a client fetches one page after the other. */
let cluster: Cluster
let before: DirectorState
beforeAll(async () => {
  cluster = await Cluster.build()
  before = await stateOf(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())

const PAGE = { address: VIP }
const PACE = { pauseMs: 20 }

/** Two configurations that differ in both weights: to change from one to the other is never finished half-way. */
const WEIGHTS = [
  [1, 2],
  [5, 6],
] as const

function configure(index: number): string[] {
  const weights = WEIGHTS[index % 2] ?? WEIGHTS[0]
  const destinations = RIPS.map((address, number) => ({ address, weight: weights[number] ?? 1 }))
  cluster.director.agent.configure(directorConfig(destinations))
  return [
    `-A -t ${VIP}:80 -s rr`,
    ...destinations.map(({ address, weight }) => `-a -t ${VIP}:80 -r ${address}:80 -g -w ${weight}`),
  ]
}

/** As many of them, from the first to the last; each is a run of its own, and runs are slow in a guest. */
function spread(points: readonly Point[], count: number): Point[] {
  expect(points.length).toBeGreaterThan(count)
  const step = (points.length - 1) / (count - 1)
  return Array.from({ length: count }, (_, index) => points[Math.round(index * step)]).filter(
    point => point !== undefined,
  )
}

async function expectAsBefore(): Promise<void> {
  expect(differences(before, await stateOf(cluster))).toEqual([])
}

describe('a director at work', () => {
  it('goes on forwarding when a change is killed at any step, and the next apply adopts the table', async () => {
    const { visitor, director } = cluster
    configure(0)
    await succeed(director.agent, 'director apply')
    const tally = await visitor.fetchDuring(
      PAGE,
      async () => {
        configure(1)
        const points = await findPoints(director.host, director.agent, 'director apply')
        let killed = 0
        for (const [index, point] of spread(points, 4).entries()) {
          const rules = configure(index)
          const { signal } = await killAt(director.host, director.agent, 'director apply', point)
          if (signal === 'SIGKILL') killed++
          await succeed(director.agent, 'director apply')
          expect([point, await cluster.rules()]).toEqual([point, rules])
        }
        expect(killed).toBeGreaterThan(2)
      },
      PACE,
    )
    expect(tally.failures).toEqual({})
    expect(tally.answers.rs1).toBeGreaterThan(50)
  })

  it('goes on forwarding when the kernel has no memory for a message: changed whole or not at all', async () => {
    const { visitor, director } = cluster
    const tally = await visitor.fetchDuring(
      PAGE,
      async () => {
        // Of the observation, with which an apply begins as well.
        const points = await findPoints(director.host, director.agent, 'director plan')
        const last = points.findLast(({ call }) => call === 'sendmsg')
        if (last === undefined) throw new Error('plan asks the kernel nothing')
        let refused = 0
        // A question of the observation, and what follows it: the change, and the look at the result.
        for (const number of [-1, 1, 2].map(offset => last.number + offset)) {
          const point = { ...last, number }
          const before = await cluster.rules()
          const wanted = configure(before.some(rule => rule.endsWith('-w 1')) ? 1 : 0)
          const ended = await failAt(director.host, director.agent, 'director apply', point)
          const { exitCode, stdout, isInjected } = ended
          if (exitCode !== 0)
            expect([point, exitCode, stdout]).toEqual([point, 1, expect.stringContaining('ENOBUFS')])
          expect([point, await cluster.rules()]).toEqual([point, exitCode === 0 ? wanted : before])
          if (isInjected) refused++
        }
        expect(refused).toBeGreaterThan(1)
      },
      PACE,
    )
    expect(tally.failures).toEqual({})
  })

  it('is left alone by half a configuration', async () => {
    const { agent } = cluster.director
    const state = await stateOf(cluster)
    const whole = directorConfig(RIPS.map(address => ({ address })))
    agent.configure(whole.slice(0, whole.lastIndexOf(RIPS[1]) + 4))
    const finished = await agent.run(['director', 'apply', '--json'])
    expect(finished.exitCode, finished.stdout).toBe(65)
    expect(finished.json<ErrorReport>().error.message).toMatch(/config\.yaml:\d+:\d+: /)
    expect(differences(state, await stateOf(cluster))).toEqual([])
  })
})

describe('a host that is no director yet', () => {
  it('is given back exactly when apply is killed at any step, and the remove after it too', async () => {
    const { director } = cluster
    const removal = await findPoints(director.host, director.agent, 'director remove')
    await expectAsBefore()
    configure(0)
    const making = await findPoints(director.host, director.agent, 'director apply')
    await succeed(director.agent, 'director remove')
    const removalPoints = spread(removal, 3)
    for (const [index, point] of spread(making, 3).entries()) {
      await killAt(director.host, director.agent, 'director apply', point)
      const cut = removalPoints[index]
      if (cut !== undefined) await killAt(director.host, director.agent, 'director remove', cut)
      await succeed(director.agent, 'director remove')
      expect([point, cut, differences(before, await stateOf(cluster))]).toEqual([point, cut, []])
    }
  })

  it.each([
    ['the table is flushed', 'ipvsadm -C'],
    // With the schedulers that other tests had loaded.
    ['the module is unloaded', 'ipvsadm -C; modprobe -r $(grep -o "^ip_vs_[a-z_]*" /proc/modules) ip_vs'],
  ])('stays none when %s during apply', async (_, command) => {
    const { director } = cluster
    configure(0)
    // In the table it is some hundred milliseconds before the VIP, for whose owner the segment is asked.
    const untilThere = `until grep -q " rr" /proc/net/ip_vs; do :; done; ${command}`
    const spoiler = director.host.spawn('sh', ['-c', untilThere])
    const finished = await director.agent.run(['director', 'apply', '--json'])
    expect((await spoiler).exitCode).toBe(0)
    expect(finished.exitCode, finished.stdout).toBe(1)
    const { error } = finished.json<ErrorReport>()
    expect(error.message).toMatch(/nothing was changed: every step was undone/)
    await director.host.run('modprobe', ['ip_vs'])
    await expectAsBefore()
  })
})
