import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaksOf, type Storm, startArpStorm } from '../support/arp-storm.ts'
import { failAt, findPoints, killAt } from '../support/fault-injection.ts'
import type { Host } from '../support/host.ts'
import { Agent, type ErrorReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences, type Snapshot, takeSettledSnapshot } from '../support/snapshot.ts'

const VIP = '10.10.10.100'
const CONFIG = `realServer: { vips: [{ address: ${VIP} }, { address: 10.10.10.101 }, { address: '2001:db8::100' }] }\n`

/**
 * Every system call by which a run changes something is met once by kill -9 and once by a refusal, on the
 * real kernel, while a client of the segment asks thousands of times who has the VIP.
 */
let segment: Segment
let host: Host
let agent: Agent
let storm: Storm
let original: Snapshot
beforeAll(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs1', '10.10.10.12/24')
  const client = await segment.addHost('client', '10.10.10.10/24')
  // Values of its own, so that zeros put back would show.
  await host.namespace.writeSysctl('ipv4/conf/eth0/arp_announce', 1)
  await host.namespace.ip('addr add 10.9.9.9/32 dev lo label lo:0')
  agent = new Agent(host, CONFIG)
  original = withoutLessons(await takeSettledSnapshot(host.namespace))
  storm = await startArpStorm(client, VIP, { perSecond: 2000, limitMs: 600_000 })
})
afterAll(async () => {
  await agent[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
})

async function snapshot(): Promise<Snapshot> {
  return withoutLessons(await host.snapshot())
}

/** What the storm taught the host is not configuration. */
function withoutLessons(snapshot: Snapshot): Snapshot {
  return { ...snapshot, learnedNeighbours: [] }
}

/** The kernel makes the local route of an IPv6 address when it finds the time to: only a host at rest counts. */
async function changesSince(before: Snapshot): Promise<string[]> {
  const changes = differences(before, await snapshot())
  if (changes.length === 0) return []
  return differences(before, withoutLessons(await takeSettledSnapshot(host.namespace)))
}

async function expectDone(command: string): Promise<void> {
  const { exitCode, stdout, stderr } = await agent.run([command, '--json'])
  expect(exitCode, stdout + stderr).toBe(0)
}

async function expectOriginal(): Promise<void> {
  expect(await changesSince(original)).toEqual([])
}

describe('kill -9 at every step', { timeout: 300_000 }, () => {
  it('of apply: the next apply finishes the work, and remove still knows what was there before', async () => {
    const points = await findPoints(host, agent, 'apply')
    await expectDone('remove')
    expect(points.length).toBeGreaterThan(20)
    for (const point of points) {
      const { signal } = await killAt(host, agent, 'apply', point)
      await expectDone('apply')
      await expectDone('status')
      await expectDone('remove')
      expect([point, signal, await changesSince(original)]).toEqual([point, signal, []])
    }
  })

  it('of apply: a remove right after it takes everything back', async () => {
    const points = await findPoints(host, agent, 'apply')
    await expectDone('remove')
    for (const point of points) {
      await killAt(host, agent, 'apply', point)
      await expectDone('remove')
      expect([point, await changesSince(original)]).toEqual([point, []])
    }
  })

  it('of remove: the next remove finishes the work', async () => {
    await expectDone('apply')
    const points = await findPoints(host, agent, 'remove')
    expect(points.length).toBeGreaterThan(15)
    for (const point of points) {
      await expectDone('apply')
      await killAt(host, agent, 'remove', point)
      await expectDone('remove')
      expect([point, await changesSince(original)]).toEqual([point, []])
    }
  })
})

describe('a refusal at every step', { timeout: 300_000 }, () => {
  // Refused the wake-up of one of its own threads, Node aborts: then it is as with kill -9.
  const isCrash = (exitCode: number | undefined): boolean => exitCode === undefined

  it('of apply: the host is as before, or as wanted, and the exit status says which', async () => {
    const points = await findPoints(host, agent, 'apply')
    await expectDone('remove')
    for (const point of points) {
      const { exitCode, stdout } = await failAt(host, agent, 'apply', point)
      if (exitCode === 0) await expectDone('status')
      else if (!isCrash(exitCode)) {
        expect([point, exitCode, await changesSince(original)]).toEqual([point, 1, []])
        expect((JSON.parse(stdout) as ErrorReport).error).toMatchObject({
          code: 'failed',
          message: expect.stringMatching(/nothing was changed|cannot/),
        })
      }
      await expectDone('remove')
      await expectOriginal()
    }
  })

  it('of remove: the host is as applied, or as before', async () => {
    await expectDone('apply')
    const applied = withoutLessons(await takeSettledSnapshot(host.namespace))
    const points = await findPoints(host, agent, 'remove')
    for (const point of points) {
      await expectDone('apply')
      const { exitCode } = await failAt(host, agent, 'remove', point)
      const expected = exitCode === 0 ? original : applied
      if (!isCrash(exitCode))
        expect([point, exitCode, await changesSince(expected)]).toEqual([point, exitCode, []])
      await expectDone('remove')
      await expectOriginal()
    }
  })
})

describe('a file system', () => {
  /** Mounts are seen by the command alone, in a mount namespace of its own. */
  async function applyAfter(prepare: string): Promise<{ exitCode: number | undefined; report: ErrorReport }> {
    const program = new URL('../../dist/rs-agent.js', import.meta.url).pathname
    const command = [process.execPath, program, '--root', agent.root, '--json', 'apply']
    const shell = ['--mount', 'sh', '-c', `${prepare} && exec "$0" "$@"`]
    const { exitCode, stdout } = await host.spawn('unshare', [...shell, ...command], {
      input: '',
      env: { ROOT: agent.root },
    })
    return { exitCode, report: JSON.parse(stdout) as ErrorReport }
  }

  // Pages left free: none for the journal, or enough for it and not for the state that follows.
  it.each([0, 1])('with %i free pages leaves the host as it was', async pages => {
    const fill = 'dd if=/dev/zero of="$ROOT/var/lib/filler" bs=4k status=none 2>/dev/null; true'
    const free = `truncate -s -${pages * 4}k "$ROOT/var/lib/filler"`
    const { exitCode, report } = await applyAfter(
      `mkdir -p "$ROOT/var/lib" && mount -t tmpfs -o size=64k tmpfs "$ROOT/var/lib" && { ${fill}; } && ${free}`,
    )
    expect(report.error).toMatchObject({ code: 'failed', message: expect.stringContaining('ENOSPC') })
    expect(exitCode).toBe(1)
    await expectOriginal()
  })

  it('that is read-only leaves the host as it was', async () => {
    const { exitCode, report } = await applyAfter(
      'mount --bind "$ROOT" "$ROOT" && mount -o remount,bind,ro "$ROOT"',
    )
    expect(report.error).toMatchObject({ code: 'failed', message: expect.stringContaining('EROFS') })
    expect(exitCode).toBe(1)
    await expectOriginal()
  })
})

it('let out not one claim of the VIP through all of it', async () => {
  const count = await storm.stop()
  expect(count.sent).toBeGreaterThan(1000)
  expect({ leaks: leaksOf(count, [host]), dropped: count.dropped }).toEqual({ leaks: 0, dropped: 0 })
})
