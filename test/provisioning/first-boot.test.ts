import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { runAsIfInstalled } from '../support/as-if-installed.ts'
import { DebianAgent } from '../support/debian-agent.ts'
import { DebianHost } from '../support/debian-host.ts'
import type { ChangeReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'

const FOLDER = fileURLToPath(new URL('../../templates/provisioning/', import.meta.url))
const VIP = '10.10.10.100'

interface UserData {
  write_files: { path: string; permissions: string; content: string }[]
  runcmd: (string | string[])[]
}

let segment: Segment
beforeAll(async () => {
  segment = await Segment.build()
})
afterAll(() => segment[Symbol.asyncDispose]())

describe('a new machine becomes a real server at its first boot', { timeout: 180_000 }, () => {
  it('by user data that cloud-init itself finds right', async () => {
    const check = ['cloud-init', 'schema', '--config-file', `${FOLDER}cloud-init.yaml`]
    const { exitCode, all } = await runAsIfInstalled('cloud-init', check)
    expect(all).toContain('Valid cloud-config')
    expect(exitCode).toBe(0)
  })

  it('by what that user data writes and runs', async () => {
    await using host = await DebianHost.boot(segment, { name: 'rs1', address: '10.10.10.12/24' })
    expect(await firstBoot(host)).toBe(0)
    await expectRealServer(host)
    await host.reboot()
    await expectRealServer(host)
  })

  it('or tells that it did not, and has nothing kept', async () => {
    await using host = await DebianHost.boot(segment, { name: 'rs3', address: '10.10.10.14/24' })
    // Where a folder belongs that apply writes to.
    await host.run('sh', ['-c', 'rm -rf /etc/sysctl.d; : >/etc/sysctl.d'])
    expect(await firstBoot(host)).toBe(1)
    expect(await host.run('ip', ['-o', 'addr', 'show', 'lo'])).not.toContain(VIP)
    expect(await host.run('sh', ['-c', 'systemctl is-enabled rs-agent || :'])).not.toContain('enabled')
  })

  it('by a line of shell, which may run again', async () => {
    await using host = await DebianHost.boot(segment, { name: 'rs2', address: '10.10.10.13/24' })
    const script = readFileSync(`${FOLDER}real-server.sh`, 'utf8')
    // As in `ssh HOST sh -s - ARGUMENTS <real-server.sh`.
    const run = () => host.run('sh', ['-s', '-', `${VIP}:80/tcp`, '10.10.10.11'], { input: script })
    await run()
    await expectRealServer(host)
    expect(await run()).toMatch(/nothing to do/)
    await expectRealServer(host)
  })
})

/** Writes the files of the user data, and runs its commands as cloud-init does; returns the exit status. */
async function firstBoot(host: DebianHost): Promise<number | undefined> {
  const { write_files: files, runcmd } = parse(readFileSync(`${FOLDER}cloud-init.yaml`, 'utf8')) as UserData
  for (const { path, permissions, content } of files) {
    await host.writeFile(path, content)
    await host.run('chmod', [permissions, path])
  }
  const asScript =
    'import json, sys; from cloudinit.util import shellify; print(shellify(json.loads(sys.argv[1])))'
  const { all: script } = await runAsIfInstalled('cloud-init', [
    '/usr/bin/python3',
    '-c',
    asScript,
    JSON.stringify(runcmd),
  ])
  return (await host.spawn('sh', ['-c', script], { input: '' })).exitCode
}

/** Converged, and kept so. */
async function expectRealServer(host: DebianHost): Promise<void> {
  const agent = new DebianAgent(host)
  expect(await agent.succeed<ChangeReport>('plan')).toMatchObject({ converged: true, changes: [] })
  expect(await agent.succeed('service', 'status')).toMatchObject({ enabled: true, state: 'active' })
  expect(await host.run('ip', ['-o', 'addr', 'show', 'lo'])).toContain(`${VIP}/32`)
}
