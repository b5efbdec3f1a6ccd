import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import { Agent, type ErrorReport, type VerifyReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences } from '../support/snapshot.ts'

const CONFIG = 'realServer: { vips: [{ address: 10.10.10.100 }] }\n'

let segment: Segment
let host: Host
let agent: Agent
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs1', '10.10.10.12/24')
  agent = new Agent(host, CONFIG)
})
afterEach(async () => {
  await agent[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
})

/** Runs the command line without some capabilities, as root otherwise. */
async function runWithout(capabilities: string[], args: string[]) {
  const dropped = capabilities.map(name => `-${name}`).join(',')
  const program = ['dist/rs-agent.js', '--root', agent.root, '--json', ...args]
  const { exitCode, stdout, stderr } = await host.spawn('setpriv', [
    `--bounding-set=${dropped}`,
    '--',
    process.execPath,
    ...program,
  ])
  return { exitCode, stderr, report: JSON.parse(stdout) as unknown }
}

it('names the capability that apply and remove lack, and touches nothing', async () => {
  const before = await host.snapshot()
  for (const command of ['apply', 'remove']) {
    const { exitCode, report } = await runWithout(['net_admin'], [command])
    expect(exitCode).toBe(77)
    expect((report as ErrorReport).error).toMatchObject({
      code: 'missing-capability',
      message: expect.stringContaining('CAP_NET_ADMIN'),
    })
  }
  expect(differences(before, await host.snapshot())).toEqual([])
})

it('plans without any capability', async () => {
  expect((await runWithout(['net_admin', 'net_raw', 'sys_admin', 'bpf'], ['plan'])).exitCode).toBe(2)
})

it('proves silence without BPF, through a device of its own that leaves nothing behind', async () => {
  await agent.run(['apply'])
  const before = await host.snapshot()
  const { exitCode, report } = await runWithout(['sys_admin', 'bpf'], ['verify'])
  const silence = (report as VerifyReport).checks.find(({ id }) => id === 'arp-silence')
  expect(silence).toMatchObject({ verdict: 'pass', evidence: expect.stringContaining('(mirred)') })
  expect(exitCode).toBe(0)
  expect(differences(before, await host.snapshot())).toEqual([])
})

it('does not call a host silent that it could not listen to', async () => {
  await agent.run(['apply'])
  const { exitCode, report } = await runWithout(['net_raw'], ['verify'])
  expect(exitCode).toBe(3)
  const { verdict, checks } = report as VerifyReport
  expect(verdict).toBe('unknown')
  expect(checks.find(({ id }) => id === 'arp-silence')).toMatchObject({
    verdict: 'unknown',
    evidence: expect.stringContaining('EPERM'),
    hint: expect.stringContaining('CAP_NET_RAW'),
  })
})

it('ends with 75 while another run holds the lock', async () => {
  const lock = join(agent.root, 'run/rs-agent/lock')
  mkdirSync(join(agent.root, 'run/rs-agent'), { recursive: true })
  const holder = host.spawn('flock', [lock, 'sh', '-c', 'echo held; exec sleep 60'])
  await firstLine(holder)
  const finished = await agent.run(['apply', '--json'])
  expect(finished.exitCode).toBe(75)
  expect(finished.json<ErrorReport>().error.code).toBe('locked')
  expect((await agent.run(['plan'])).exitCode).toBe(2)
  holder.kill('SIGKILL')
})

it('refuses a state folder that others may write', async () => {
  const folder = join(agent.root, 'var/lib/rs-agent')
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o777)
  const finished = await agent.run(['apply', '--json'])
  expect(finished.exitCode).toBe(65)
  expect(finished.json<ErrorReport>().error).toMatchObject({
    message: expect.stringContaining(folder),
    hint: expect.stringContaining('chmod go-w'),
  })
})
