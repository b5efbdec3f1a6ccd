import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Storm } from '../../support/arp-storm.ts'
import { killing, type Point, pointsIn, tracing } from '../../support/fault-injection.ts'
import { KeptHost, VIP } from '../../support/kept-host.ts'
import type { RealServerRun } from '../../support/real-server-run.ts'
import type { Snapshot } from '../../support/snapshot.ts'

/** Kill -9 at the system calls by which a run changes something, under an ARP storm. */
let kept: KeptHost
let storm: Storm
let original: Snapshot
let right: Snapshot
beforeAll(async () => {
  kept = await KeptHost.build(`realServer: { vips: [{ address: ${VIP} }, { address: '2001:db8::100' }] }\n`)
  // Values of its own, so that zeros put back would show.
  await kept.host.namespace.writeSysctl('ipv4/conf/eth0/arp_announce', 1)
  await kept.host.namespace.ip('addr add 10.9.9.9/32 dev lo label lo:0')
  original = await kept.snapshot()
  const run = await kept.start()
  right = await kept.snapshot()
  await run.end('SIGTERM')
  await removeRole()
  storm = await kept.startStorm()
})
afterAll(() => kept[Symbol.asyncDispose]())

describe('kill -9', { timeout: 300_000 }, () => {
  it('at any step from the start to the end of a run: the next one makes this host right', async () => {
    const traced = await kept.start({ launcher: tracing(kept.agent) })
    await endTraced(traced)
    const points = someOf(pointsIn(kept.agent))
    expect(points.length).toBeGreaterThan(10)
    await removeRole()
    for (const point of points) {
      const killed = kept.begin({ launcher: killing(point) })
      const isReady = await Promise.race([
        killed.says(/^running/).then(() => true),
        killed.ended().then(() => false),
      ]).catch(() => false)
      if (isReady) await endTraced(killed)
      const next = await kept.start()
      await expectRight(point)
      expect(next.warnings).toEqual([])
      await next.end('SIGKILL')
      await removeRole()
      await expectOriginal(point)
    }
  })

  it('at any step of a repair: the next run makes this host right, and forgets nothing', async () => {
    const traced = await kept.start()
    const tracer = await attach(traced, tracing(kept.agent))
    await damage()
    await expectRight('undisturbed')
    await traced.end('SIGTERM')
    await tracer()
    const points = someOf(pointsIn(kept.agent))
    expect(points.length).toBeGreaterThan(5)
    for (const point of points) {
      const killed = await kept.start()
      const tracer = await attach(killed, killing(point))
      await damage()
      await Promise.race([killed.ended(), expectRight(point)])
      await killed.end('SIGKILL')
      await tracer()
      const next = await kept.start()
      await expectRight(point)
      expect(next.warnings).toEqual([])
      await next.end('SIGKILL')
    }
    await removeRole()
    await expectOriginal('all of them')
  })
})

it('let out not one claim of the VIP through all of it', () => kept.expectSilence(storm))

/** Of the hundred that there are, each kind of call among them: each takes a second. */
function someOf(points: readonly Point[]): Point[] {
  const offset = points.length % 4
  return points.filter(
    ({ call }, index) => index % 4 === offset || points.filter(point => point.call === call).length <= 3,
  )
}

/** What is put right by reflex, and what only a look at everything finds. */
async function damage(): Promise<void> {
  await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`, 'link set lo down', 'link set lo up')
  await kept.host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
}

async function expectRight(where: Point | string): Promise<void> {
  await kept.becomes(right).catch(cause => {
    throw new Error(`after ${JSON.stringify(where)}`, { cause })
  })
}

async function expectOriginal(where: Point | string): Promise<void> {
  await kept.becomes(original).catch(cause => {
    throw new Error(`after ${JSON.stringify(where)}`, { cause })
  })
}

async function removeRole(): Promise<void> {
  const { exitCode, stdout, stderr } = await kept.agent.run(['remove', '--json'])
  expect(exitCode, stdout + stderr).toBe(0)
}

/** By a signal to the agent: a tracer takes one to itself for its own. */
async function endTraced(run: RealServerRun): Promise<void> {
  const children = childrenOf(run.firstPid)
  if (children.length > 0) await kept.host.spawn('kill', ['-TERM', ...children], { input: '' })
  await run.ended()
}

function childrenOf(pid: number | undefined): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  } catch {
    // It has ended by now.
    return []
  }
}

/** Resolves once the run is traced, with what waits for the end of the tracer. */
async function attach(run: RealServerRun, tracer: readonly string[]): Promise<() => Promise<unknown>> {
  const pid = await run.pid()
  const [program = '', ...args] = tracer
  const tracing = kept.host.spawn(program, [...args, '-p', String(pid)], { input: '' })
  while (!/^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) await sleep(5)
  return () => tracing
}
