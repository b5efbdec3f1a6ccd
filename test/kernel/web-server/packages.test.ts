import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { firstLine } from '../../support/first-line.ts'
import type { ChangeReport, ErrorReport } from '../../support/rs-agent.ts'
import { VIP, WebServerLab } from '../../support/web-server-lab.ts'
import { differencesOf, takeWholeHost } from '../../support/whole-host.ts'

const POLICY = '/usr/sbin/policy-rc.d'

/** What apply says when it cannot install; that nothing else is half-done is part of it. */
async function expectRefused(lab: WebServerLab, exitCode: number): Promise<ErrorReport['error']> {
  const before = await takeWholeHost(lab.host)
  const refused = await lab.agent.run(['apply', '--json'])
  expect([refused.exitCode, refused.stdout]).toEqual([exitCode, expect.any(String)])
  expect(differencesOf(before, await takeWholeHost(lab.host))).toEqual([])
  return refused.json<ErrorReport>().error
}

async function expectServing(lab: WebServerLab): Promise<void> {
  expect(await lab.client.fetch({ address: VIP }, 1)).toMatchObject({ pages: { 'our page': 1 } })
  expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [] })
  expect(await lab.sh(`cat ${POLICY}`)).toBe('')
}

/** Holds the lock that apt and dpkg take, as a run of theirs would, until it is killed. */
async function holdPackageLock(lab: WebServerLab): Promise<() => Promise<unknown>> {
  const script = `use Fcntl; open my $lock, '>>', '/var/lib/dpkg/lock-frontend' or die;
    my $whole = pack('s s l! l! i', F_WRLCK, 0, 0, 0, 0);
    fcntl($lock, F_SETLK, $whole) or die;
    $| = 1; print "held\\n"; sleep`
  const holder = lab.host.spawn('perl', ['-e', script])
  await firstLine(holder)
  return () => {
    holder.kill()
    return holder
  }
}

// One of them waits for a minute; each has a host of its own.
describe.concurrent('packages that cannot be installed', { timeout: 180_000 }, () => {
  it('are waited for while another package tool is at work', async () => {
    await using lab = await WebServerLab.build('server: nginx')
    const letGo = await holdPackageLock(lab)
    const applying = lab.agent.run(['apply', '--json'])
    await expect.poll(() => lab.sh('cat /var/log/rs-agent/packages.log')).toContain('Waiting for cache lock')
    await letGo()
    expect(await applying).toMatchObject({ exitCode: 0 })
    await expectServing(lab)
  })

  it('are given up after a minute, and it is told who is at work', async () => {
    await using lab = await WebServerLab.build('server: nginx')
    const letGo = await holdPackageLock(lab)
    expect(await expectRefused(lab, 75)).toMatchObject({
      code: 'locked',
      message: expect.stringMatching(/^cannot install nginx: process \d+ \(perl\) is at work: /),
    })
    await letGo()
    await lab.agent.succeed('apply')
    await expectServing(lab)
  })

  it('are named where there is no source of packages, with what to try', async () => {
    await using lab = await WebServerLab.build('server: apache')
    await lab.sh('mv /etc/apt/sources.list /root')
    expect(await expectRefused(lab, 1)).toMatchObject({
      message: 'cannot install apache2: E: Unable to locate package apache2',
      hint: 'does this host reach its package source? try `apt-get install apache2`',
    })
    await lab.sh('mv /root/sources.list /etc/apt')
    await lab.agent.succeed('apply')
    await expectServing(lab)
  })

  it('are not asked for when something else is in the way', async () => {
    await using lab = await WebServerLab.build('server: apache')
    await lab.host.run('systemctl', ['mask', 'apache2'])
    expect(await expectRefused(lab, 69)).toMatchObject({
      message: expect.stringContaining('apache2.service is masked'),
      hint: expect.stringContaining('systemctl unmask apache2.service'),
    })
  })

  it('come whole once a full disk has room again, or go', async () => {
    await using lab = await WebServerLab.build('server: nginx')
    const fillDisk = () => lab.sh('mkdir -p /etc/nginx; mount -t tmpfs -o size=8k,mode=755 full /etc/nginx')
    await fillDisk()
    const { exitCode, json } = await lab.agent.run(['apply', '--json'])
    expect(exitCode).toBe(1)
    expect(json<ErrorReport>().error.message).toMatch(
      /^cannot install nginx: dpkg: error .* \(No space left on device\)$/,
    )
    expect(await lab.sh(`ip -4 -o address show lo; cat ${POLICY}`)).not.toContain(VIP)

    await lab.sh('umount /etc/nginx')
    await lab.agent.succeed('apply')
    await expectServing(lab)
    await lab.agent.succeed('remove', '--purge')

    const before = await takeWholeHost(lab.host)
    await fillDisk()
    await lab.agent.run(['apply'])
    await lab.sh('umount /etc/nginx; rmdir /etc/nginx')
    await lab.agent.succeed('remove', '--purge')
    expect(differencesOf(before, await takeWholeHost(lab.host))).toEqual([])
  })

  it('are installed though there is no room for the log of it', async () => {
    await using lab = await WebServerLab.build('server: nginx')
    await lab.sh('mkdir /var/log/rs-agent; mount -t tmpfs -o size=4k,mode=755 full /var/log/rs-agent')
    await lab.sh('head -c 4096 /dev/zero >/var/log/rs-agent/full')
    await lab.agent.succeed('apply')
    await expectServing(lab)
  })
})

describe('an installation that is killed with all that it started', () => {
  // How long apt and dpkg take differs from machine to machine: the moments are told by what they say.
  const MOMENTS = [
    'apt-get installs',
    'Unpacking nginx-common',
    'Unpacking nginx ',
    'Setting up nginx-common',
    'Setting up nginx ',
  ]

  it.for(MOMENTS)('at "%s" is brought to its end by the next apply', async moment => {
    await using lab = await WebServerLab.build('server: nginx')
    const before = await takeWholeHost(lab.host)
    await killAt(lab, moment)
    expect(await lab.sh(`cat ${POLICY}`)).toContain('Written by rs-agent')

    expect(await lab.agent.run(['plan', '--json'])).toMatchObject({ exitCode: 2 })
    const { notes } = await lab.agent.succeed<ChangeReport & { notes: string[] }>('apply')
    expect(notes).toContain('an installation of packages that was killed is finished now')
    await expectServing(lab)
    expect(await lab.sh('dpkg --audit')).toBe('')

    await lab.agent.succeed('remove', '--purge')
    expectBut(LEFT_BY_NGINX, differencesOf(before, await takeWholeHost(lab.host)))
  })

  it('is brought to its end by remove, and nothing of it starts at the next boot', async () => {
    await using lab = await WebServerLab.build('server: nginx')
    await killAt(lab, 'Setting up nginx ')
    await lab.agent.succeed('remove')
    expect(await lab.sh(`dpkg --audit; cat ${POLICY}; systemctl is-enabled nginx`)).toBe('disabled')
    await lab.agent.succeed('remove', '--purge')
    expect(await lab.sh('dpkg --get-selections | grep nginx')).toBe('')
  })
})

describe("somebody else's policy about services", () => {
  const POLICIES = ['forbids to start', 'lets start'] as const

  it.for(POLICIES)('stays as it is when it %s what packages bring', async policy => {
    await using lab = await WebServerLab.build('server: nginx')
    const theirs = `#!/bin/sh\nexit ${policy === 'lets start' ? 0 : 101}`
    await lab.host.writeFile(POLICY, `${theirs}\n`)
    await lab.host.run('chmod', ['+x', POLICY])
    await lab.agent.succeed('apply')
    expect(await lab.sh(`cat ${POLICY}`)).toBe(theirs)
    await lab.agent.succeed('remove')
    expect(await lab.sh('systemctl is-enabled nginx; systemctl is-active nginx')).toBe('disabled\ninactive')
    await lab.agent.succeed('remove', '--purge')
    expect(await lab.sh(`cat ${POLICY}`)).toBe(theirs)
  })
})

const LEFT_BY_NGINX = '/var/www/html/index.nginx-debian.html'

function expectBut(left: string, differences: string[]): void {
  expect(differences.filter(line => !line.includes(left))).toEqual([])
}

/** As a service of its own, so that nobody escapes: dpkg runs in a session of its own. */
async function killAt({ host, sh }: WebServerLab, moment: string): Promise<void> {
  await host.run('systemd-run', ['--quiet', '--unit=applying', '--property=Type=exec', 'rs-agent', 'apply'])
  const log = '/var/log/rs-agent/packages.log'
  while (!(await sh(`cat ${log}`)).includes(moment)) await sleep(5)
  await host.run('systemctl', ['kill', '--signal=KILL', 'applying'])
  await expect.poll(() => sh('systemctl is-active applying')).toBe('failed')
  await host.run('systemctl', ['reset-failed', 'applying'])
}
