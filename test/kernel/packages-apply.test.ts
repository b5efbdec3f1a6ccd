import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Host } from '../support/host.ts'
import { RpmHost } from '../support/rpm-host.ts'
import type { ChangeReport, ErrorReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'

/** The whole command line on what are, by their files, packages and tools, a Fedora and an openSUSE. */
const VIP = '10.10.10.100'
const CONFIG = `realServer:
  vips:
    - { address: ${VIP}, ports: [80/tcp] }
  directors: [10.10.10.11]
  clients: [10.10.10.10]
  httpd: { server: apache, root: /var/www/html }
`
const HOSTS = [
  { distribution: 'fedora', server: 'httpd', site: 'etc/httpd/conf.d/rs-agent.conf' },
  { distribution: 'opensuse', server: 'apache2', site: 'etc/apache2/vhosts.d/rs-agent.conf' },
] as const

describe.each(HOSTS)('on $distribution', ({ distribution, server, site }) => {
  let segment: Segment
  let network: Host
  let client: Host
  let host: RpmHost
  let folder: string
  let before: string[]
  const CAME = [server, 'apr', 'httpd-core'].toSorted()

  beforeAll(async () => {
    segment = await Segment.build()
    client = await segment.addHost('client', '10.10.10.10/24')
    network = await segment.addHost('rs1', '10.10.10.12/24')
    host = await RpmHost.make(distribution)
    before = await host.installed()
    folder = mkdtempSync(join(tmpdir(), 'rs-agent-packages-'))
    writeFileSync(join(folder, 'config.yaml'), CONFIG, { mode: 0o600 })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await segment[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  const agent = async <Report>(...args: string[]): Promise<Report & { exitCode: number | undefined }> => {
    const command = host.agent('--json', '--config', join(folder, 'config.yaml'), ...args)
    const [program, ...words] = command
    const { exitCode, stdout, stderr } = await network.spawn(program, words, { input: '' })
    if (stdout === '') throw new Error(stderr)
    return { ...JSON.parse(stdout), exitCode }
  }
  const page = (path: string) => client.run('curl', ['-sS', '--max-time', '5', `http://10.10.10.12${path}`])

  it('says that nothing was changed when the packages cannot be had', async () => {
    const giveBack = await host.loseRepository()
    const { exitCode, error } = await agent<ErrorReport>('apply')
    expect(exitCode).toBe(1)
    expect(error.message).toMatch(new RegExp(`^cannot install ${server}: `))
    await giveBack()
    expect(await host.installed()).toEqual(before)
    expect(await network.run('ip', ['address', 'show', 'lo'])).not.toContain(VIP)
    expect(await host.run(`ls /usr/sbin/policy-rc.d /var/lib/rs-agent 2>/dev/null || :`)).toBe('')
  })

  it('plans the package, and installs and starts it', async () => {
    const plan = await agent<ChangeReport>('plan')
    expect(plan.exitCode).toBe(2)
    expect(plan.changes[0]).toMatchObject({ action: 'install', subject: expect.stringContaining(server) })
    expect(await host.installed()).toEqual(before)

    const applied = await agent<ChangeReport & ErrorReport>('apply')
    expect(applied).toMatchObject({ exitCode: 0, converged: true, changed: true })
    expect(await host.installed()).toEqual(expect.arrayContaining(CAME))
    await host.run('echo my own page >/var/www/html/own.html')
    expect(await page('/own.html')).toBe('my own page')
    expect(await page('/.rs-agent/alive')).toMatch(/^ok /)
    expect(await agent('plan')).toMatchObject({ exitCode: 0, changes: [] })
  })

  it('verifies that it is installed', async () => {
    const { checks } = await agent<{ checks: { id: string; subject: string; verdict: string }[] }>(
      'verify',
      '--only',
      'packages',
    )
    expect(checks.filter(({ verdict }) => verdict !== 'skipped')).toMatchObject([
      { id: 'packages', subject: server, verdict: 'pass' },
    ])
  })

  it('takes the server and all that came with it off again, and leaves what was there', async () => {
    const removed = await agent<ChangeReport>('remove', '--purge')
    expect(removed).toMatchObject({ exitCode: 0, converged: true })
    const purged = removed.changes.filter(({ subject }) => CAME.some(name => subject.includes(name)))
    expect(purged.length).toBeGreaterThanOrEqual(CAME.length)
    // dnf keeps the key of its repository.
    expect((await host.installed()).filter(name => name !== 'gpg-pubkey')).toEqual(before)
    expect(await host.run(`ls /${site} /var/lib/rs-agent 2>/dev/null || :`)).toBe('')
    await expect(page('/')).rejects.toThrow(/exit code 7/)
  })
})
