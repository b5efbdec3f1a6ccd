import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPackages, type Packages } from '../../agent/host/packages.ts'
import { RpmHost } from '../support/rpm-host.ts'

/**
 * The tools of Fedora and openSUSE themselves, on packages of the names and needs that those have there: httpd needs
 * httpd-core, which needs apr, as nfs-utils does libnfsidmap, and that one more.
 */
const LONG_NAME = 'a-package-whose-name-fills-a-line-of-a-table-alone'
const WEB = ['apr', 'httpd', 'httpd-core']
const NFS = [LONG_NAME, 'libnfsidmap', 'nfs-utils']
/** What is there in the beginning. */
const RELEASE = 'release'

describe.each(['dnf', 'zypper'] as const)('%s', tool => {
  let host: RpmHost
  let packages: Packages
  let lines: string[]
  const watching = { onLine: (line: string) => void lines.push(line) }

  beforeAll(async () => {
    host = await RpmHost.make(tool === 'dnf' ? 'fedora' : 'opensuse')
  })
  afterAll(() => host[Symbol.asyncDispose]())

  /** With nothing installed, and whatever the tool remembers of the repository. */
  const start = async (patience?: Parameters<typeof openPackages>[2]): Promise<void> => {
    lines = []
    const found = await openPackages(host.commands, [tool], patience)
    packages = found ?? expect.fail(`there is no ${tool}`)
    const others = (await host.installed()).filter(name => name !== RELEASE)
    if (others.length > 0) await host.run(`rpm -e --force-debian ${others.join(' ')}`)
  }
  const installed = async (): Promise<string[]> =>
    (await host.installed()).filter(name => name !== RELEASE && name !== 'gpg-pubkey')
  const failure = (run: Promise<unknown>) => expect(run).rejects

  it('is the tool that is found, where another one is missing', async () => {
    await start()
    expect((await openPackages(host.commands, ['apt-get']))?.tool).toBe('apt-get')
    expect(await openPackages(host.commands, ['apk'])).toBe(null)
    expect((await openPackages(host.commands, ['yum', 'apk', tool]))?.tool).toBe(tool)
  })

  it('tells before what will come, and afterwards what came, the key of the repository not among it', async () => {
    await start()
    expect(await packages.installed(['httpd', 'no-such-package'])).toEqual(new Set())
    expect((await packages.expected(['httpd', 'nfs-utils'])).toSorted()).toEqual([...NFS, ...WEB].toSorted())
    expect(await installed()).toEqual([])

    const came = await packages.install(['httpd', 'nfs-utils'], watching)

    expect(came.toSorted()).toEqual([...NFS, ...WEB].toSorted())
    expect(await installed()).toEqual([...NFS, ...WEB].toSorted())
    expect(await packages.installed(['httpd', 'no-such-package', 'apr'])).toEqual(new Set(['httpd', 'apr']))
    expect(lines.join('\n')).toContain('httpd-core')
    // dnf takes the key on first use.
    expect((await host.installed()).includes('gpg-pubkey')).toBe(tool === 'dnf')
  })

  it('installs none where one is not known, and names that one', async () => {
    await start()
    await failure(packages.install(['httpd', 'no-such-package'], watching)).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/^cannot install httpd, no-such-package: .*\bno-such-package\b/),
      hint: expect.stringContaining(`${tool} install httpd no-such-package`),
    })
    expect(await installed()).toEqual([])
  })

  it('says what a package said that could not be installed', async () => {
    await start()
    await failure(packages.install(['broken'], watching)).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/scriptlet.*broken|broken.*scriptlet/i),
    })
    expect(await installed()).toEqual([])
  })

  it('takes a package for installed whose last script fails, as the tool does', async () => {
    await start()
    expect(await packages.install(['lame'], watching)).toEqual(['lame'])
  })

  it('installs what is in the repository only since it was last looked at', async () => {
    await start()
    await host.run(`${FORGET}; createrepo_c -q -x '*nfs-utils*' /srv/rpm`)
    await packages.install(['httpd'], watching)
    await host.run('createrepo_c -q /srv/rpm')
    expect(await packages.expected(['nfs-utils'])).toEqual(['nfs-utils'])
    expect((await packages.install(['nfs-utils'], watching)).toSorted()).toEqual(NFS)
  })

  it('installs another version than it knew of', async () => {
    await start()
    await packages.expected(['nfs-utils'])
    await host.run('cd /srv/rpm; mkdir new; mv */nfs-utils-*.rpm new; createrepo_c -q .')
    expect((await packages.install(['nfs-utils'], watching)).toSorted()).toEqual(NFS)
  })

  it('says so where no repository is to be reached, or none is configured', async () => {
    await start()
    const giveBack = await host.loseRepository()
    await host.run(FORGET)
    await failure(packages.install(['httpd'], watching)).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/^cannot install httpd: .*(?:\/srv\/rpm|'lab')/),
      hint: expect.stringContaining('does this host reach its package source?'),
    })
    await giveBack()
    await host.run('mv /etc/yum.repos.d /etc/y; mv /etc/zypp/repos.d /etc/z')
    await failure(packages.install(['httpd'], watching)).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/no enabled repositories|No repositories|No provider/),
    })
    await host.run('mv /etc/y /etc/yum.repos.d; mv /etc/z /etc/zypp/repos.d')
    expect(await installed()).toEqual([])
  })

  it('waits for another run of it, and then installs', async () => {
    await start()
    const other = await startSlowRun(host, tool)
    const attempt = packages.install(['httpd'], {
      onLine(line) {
        watching.onLine(line)
        // Only when it has seen the lock.
        if (line.includes('locked by')) void other.finish()
      },
    })
    expect((await attempt).toSorted()).toEqual(WEB)
    expect(lines.join('\n')).toMatch(/locked by/)
    await other.ended
    expect(await installed()).toEqual([...WEB, 'slow'])
  })

  it.each(['dnf', 'zypper'] as const)('gives up when %s is at work for too long', async other => {
    await start({ lockMs: 0 })
    await packages.install(['nfs-utils'], watching)
    const run = await startSlowRun(host, other)
    await failure(packages.install(['httpd'], watching)).toMatchObject({
      code: 'locked',
      message: expect.stringMatching(/^cannot install httpd: .*at work: .*lock/),
    })
    await failure(packages.remove(['nfs-utils'], watching)).toMatchObject({ code: 'locked' })
    expect(await installed()).toEqual(NFS)
    await run.finish()
    await run.ended
  })

  it('takes off what came, and nothing that was there before', async () => {
    await start()
    await host.run(`${QUIETLY[tool]} install other-program; rpm -e --force-debian other-program`)
    expect(await installed()).toEqual(['apr'])
    const came = await packages.install(['httpd', 'nfs-utils'], watching)
    expect((await packages.remove(came, watching)).gone.toSorted()).toEqual(came.toSorted())
    expect(await installed()).toEqual(['apr'])
  })

  it('leaves what others need by now, and what that needs', async () => {
    await start()
    const came = await packages.install(['httpd', 'nfs-utils'], watching)
    await host.run(`${QUIETLY[tool]} install other-site`)
    expect((await packages.remove(came, watching)).gone.toSorted()).toEqual([...NFS, 'httpd'].toSorted())
    expect(await installed()).toEqual(['apr', 'httpd-core', 'other-site'])
    // Nothing of it can go: the tool is not even asked.
    lines = []
    expect(await packages.remove(['apr', 'httpd-core'], watching)).toMatchObject({
      gone: [],
      neededBy: [expect.stringMatching(/^other-site\b/)],
    })
    expect(lines).toEqual([])
  })
})

/** What the tools remember of the repository. */
const FORGET = 'rm -rf /var/cache/dnf /var/cache/zypp/*'
const QUIETLY = { dnf: 'dnf -y -q', zypper: 'zypper --non-interactive --quiet' }

/** A run that is in the middle of its work until it is told to finish. */
async function startSlowRun(host: RpmHost, tool: 'dnf' | 'zypper') {
  await host.run('rm -f /run/slow /run/slow-begun; mkfifo /run/slow /run/slow-begun')
  const run = host.spawn('sh', ['-c', `${QUIETLY[tool]} install slow`], { input: '' })
  await host.run('read -r _ </run/slow-begun')
  let finished: Promise<unknown> | undefined
  return {
    ended: run,
    finish: () => (finished ??= host.run('echo >/run/slow')),
  }
}
