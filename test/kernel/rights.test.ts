import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import { OF_THE_HOST_ALONE } from '../support/real-server.ts'
import { Agent, type ErrorReport, type VerifyReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences, takeSettledSnapshot } from '../support/snapshot.ts'

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
  const { exitCode, report } = await runWithout(['sys_admin', 'bpf'], ['verify', ...OF_THE_HOST_ALONE])
  const silence = (report as VerifyReport).checks.find(({ id }) => id === 'arp-silence')
  expect(silence).toMatchObject({ verdict: 'pass', evidence: expect.stringContaining('(mirred)') })
  expect(exitCode).toBe(0)
  expect(differences(before, await host.snapshot())).toEqual([])
})

it('does not call a host silent that it could not listen to', async () => {
  await agent.run(['apply'])
  const { exitCode, report } = await runWithout(['net_raw'], ['verify', ...OF_THE_HOST_ALONE])
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
  // Without a child, which would outlive it and keep this test waiting.
  const holder = host.spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep infinity'])
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

it('takes sysctl.d files of others as they are: other bytes, folders, links to nowhere', async () => {
  const folder = join(agent.root, 'etc/sysctl.d')
  mkdirSync(join(folder, '10-folder.conf'), { recursive: true })
  writeFileSync(join(folder, '20-latin1.conf'), Buffer.from('# caf\xe9\n', 'latin1'))
  symlinkSync('/dev/null', join(folder, '30-masked.conf'))
  symlinkSync('nowhere', join(folder, '40-dangling.conf'))
  expect((await agent.run(['apply'])).exitCode).toBe(0)
  expect((await agent.run(['verify', ...OF_THE_HOST_ALONE])).exitCode).toBe(0)
})

it('refuses a configuration behind a link or a folder that others may write, and one that is a pipe', async () => {
  const open = join(agent.root, 'open')
  mkdirSync(join(open, 'inner'), { recursive: true, mode: 0o755 })
  chmodSync(open, 0o777)
  writeFileSync(join(open, 'inner/config.yaml'), CONFIG, { mode: 0o600 })
  const link = join(agent.root, 'etc/rs-agent/link.yaml')
  symlinkSync(join(open, 'inner/config.yaml'), link)
  for (const config of [join(open, 'inner/config.yaml'), link]) {
    const finished = await agent.run(['--config', config, 'plan', '--json'])
    expect([config, finished.exitCode]).toEqual([config, 65])
    expect(finished.json<ErrorReport>().error.message).toContain(open)
  }
  const pipe = join(agent.root, 'etc/rs-agent/pipe.yaml')
  await host.run('mkfifo', ['-m', '600', pipe])
  const finished = await agent.run(['--config', pipe, 'plan', '--json'])
  expect(finished.exitCode).toBe(65)
  expect(finished.json<ErrorReport>().error.message).toContain('not a regular file')
})

it('keeps the exit status when nobody takes its output', async () => {
  const program = [process.execPath, 'dist/rs-agent.js', '--root', agent.root]
  const toFull = (command: string) =>
    host.spawn('sh', ['-c', '"$@" >/dev/full 2>&1', 'sh', ...program, command])
  expect((await toFull('apply')).exitCode).toBe(0)
  expect((await toFull('plan')).exitCode).toBe(0)
  expect((await toFull('nonsense')).exitCode).toBe(64)
})

it('takes back what it began when it is told to stop', async () => {
  const before = await takeSettledSnapshot(host.namespace)
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    const child = agent.start(['apply', '--json'])
    // It is there from before the first step until the proof on the wire is done, which waits for 60 ms.
    const journal = join(agent.root, 'var/lib/rs-agent/journal.jsonl')
    await expect.poll(() => existsSync(journal), { interval: 1 }).toBe(true)
    child.kill(signal)
    const { exitCode, stdout } = await child
    expect([signal, exitCode]).toEqual([signal, 1])
    expect((JSON.parse(stdout) as ErrorReport).error.message).toContain(`stopped by ${signal}`)
    expect(differences(before, await host.snapshot())).toEqual([])
  }
})

it('refuses a root that is empty or not there', async () => {
  for (const root of ['', join(agent.root, 'nowhere')]) {
    const { exitCode, stdout } = await host.spawn(process.execPath, [
      'dist/rs-agent.js',
      '--root',
      root,
      '--json',
      'remove',
    ])
    expect([root, exitCode]).toEqual([root, 64])
    expect((JSON.parse(stdout) as ErrorReport).error.code).toBe('usage')
  }
})
