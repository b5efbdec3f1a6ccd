import { describe, expect, it } from 'vitest'
import type { ChangeReport } from '../../support/rs-agent.ts'
import { RIP, VIP, WebServerLab } from '../../support/web-server-lab.ts'
import { differencesOf, takeWholeHost } from '../../support/whole-host.ts'

const SERVERS = [
  { server: 'apache', debian: 'apache2', left: [] },
  // Debian's nginx copies it there, and forgets it.
  { server: 'nginx', debian: 'nginx', left: ['/var/www/html/index.nginx-debian.html'] },
]

describe.for(SERVERS)('$server on a Debian without any web server', ({ server, debian, left }) => {
  it('serves after one apply, has nothing to do again, and is gone after remove --purge', async () => {
    await using lab = await WebServerLab.build(`server: ${server}`)
    const before = await takeWholeHost(lab.host)

    const { changes } = await lab.agent.succeed<ChangeReport>('apply')
    expect(changes.map(({ action, subject }) => `${action} ${subject}`)).toEqual(
      expect.arrayContaining([`install ${debian}`, `start ${server}`]),
    )
    expect(await lab.client.fetch({ address: VIP }, 3)).toMatchObject({ pages: { 'our page': 3 } })
    for (const verb of ['apply', 'plan'])
      expect(await lab.agent.succeed(verb)).toMatchObject({ converged: true, changed: false, changes: [] })

    await lab.agent.succeed('remove', '--purge')
    const differences = differencesOf(before, await takeWholeHost(lab.host))
    expect(differences.filter(line => !left.some(path => line.includes(path)))).toEqual([])
  })

  it('answers with nothing but our site, from the first moment on', async () => {
    await using lab = await WebServerLab.build(`server: ${server}`)
    // Only our site has it; whatever comes with the package would say that it is not there.
    const page = { address: RIP, path: '/.rs-agent/alive' }
    const asking = lab.client.fetchAtPace(page, () => lab.agent.succeed('apply'), {
      everyMs: 10,
      limitMs: 5000,
    })
    const { answers, failures } = await asking
    expect(Object.keys(answers)).toHaveLength(1)
    // nginx takes its ports for a moment when it judges its configuration, and whoever comes just then is sent off.
    expect(['ECONNREFUSED', 'ECONNRESET']).toEqual(expect.arrayContaining(Object.keys(failures)))
    expect(failures).toHaveProperty('ECONNREFUSED')
  })

  it('leaves the packages, and nothing that runs or starts, after remove', async () => {
    await using lab = await WebServerLab.build(`server: ${server}`)
    const before = await takeWholeHost(lab.host)
    const applyAndRemove = async () => {
      await lab.agent.succeed('apply')
      await lab.agent.succeed('remove')
      return takeWholeHost(lab.host)
    }
    const after = await applyAndRemove()
    const isOfPackages = (line: string) => /^\+ (?:package|file|content|unit) /.test(line)
    expect(differencesOf(before, after).filter(line => !isOfPackages(line))).toEqual([])
    expect(after.filter(line => line.startsWith('file ') && line.includes('rs-agent'))).toEqual([
      ...before.filter(line => line.startsWith('file ') && line.includes('rs-agent')),
      // That the packages are ours.
      expect.stringMatching(/^file \/var\/lib\/rs-agent d/),
      expect.stringMatching(/^file \/var\/lib\/rs-agent\/state\.json f/),
    ])
    expect(await lab.sh(`systemctl is-enabled ${debian}`)).toBe('disabled')
    expect(differencesOf(after, await applyAndRemove())).toEqual([])
  })
})

describe("a web server of somebody else's", () => {
  it('goes on with its own site, through apply and after remove', async () => {
    await using lab = await WebServerLab.build('server: apache')
    await lab.host.install('apache2')
    await lab.host.writeFile('/srv/own/index.html', 'their page\n')
    await lab.host.writeFile('/etc/apache2/sites-available/own.conf', THEIR_SITE)
    await lab.host.run('a2ensite', ['-q', 'own'])
    await lab.host.run('systemctl', ['reload', 'apache2'])
    const before = await takeWholeHost(lab.host)
    const mainProcess = () => lab.sh('systemctl show --property=MainPID apache2')
    const pid = await mainProcess()

    const tally = await lab.client.fetchDuring({ address: RIP, port: 8081 }, async () => {
      expect(await lab.agent.succeed('apply')).toMatchObject({
        notes: [expect.stringContaining('apache runs with other sites: at 10.10.10.100:80, 10.10.10.12:80')],
      })
      expect(await lab.client.fetch({ address: VIP }, 1)).toMatchObject({ pages: { 'our page': 1 } })
      await lab.agent.succeed('remove')
    })
    expect(tally).toMatchObject({ pages: { 'their page': expect.any(Number) }, failures: {} })
    expect(await mainProcess()).toBe(pid)
    expect(differencesOf(before, await takeWholeHost(lab.host))).toEqual([])
  })
})

describe('the NFS client on a Debian without it', () => {
  it('comes without anything that answers on the port of rpcbind, now or after a boot', async () => {
    await using lab = await WebServerLab.build('server: apache')
    await lab.agent.configure(NFS_ONLY)
    // Nobody is at the address of the server: the packages stay.
    const { exitCode, stdout } = await lab.agent.run(['apply', '--json'])
    expect([exitCode, stdout]).toEqual([1, expect.stringContaining('packages stay installed: nfs-common')])
    expect(await lab.sh('dpkg -s rpcbind')).toContain('Status: install ok installed')
    const units = 'rpcbind.socket rpcbind.service'
    expect(await lab.sh(`systemctl is-enabled ${units}`)).toBe('disabled\ndisabled')
    expect(await lab.sh(`systemctl is-active ${units}`)).toBe('inactive\ninactive')
    await lab.host.reboot()
    expect(await lab.sh("ss -Hltun 'sport = :111'")).toBe('')
    await lab.host.run('systemctl', ['start', 'rpc-statd.service'])
    expect(await lab.sh('systemctl is-active rpcbind.socket')).toBe('active')
  })
})

const NFS_ONLY = `realServer:
  vips: [{ address: ${VIP}, ports: [80/tcp] }]
  directors: [10.10.10.11]
  nfs: [{ source: "10.10.10.40:/srv/www", target: /srv/www }]
`

describe("a package of somebody else's", () => {
  it('that needs the web server by now keeps it, and remove --purge says so', async () => {
    await using lab = await WebServerLab.build('server: apache')
    await lab.agent.succeed('apply')
    await lab.host.writeFile('/tmp/wiki/DEBIAN/control', THEIR_PACKAGE)
    await lab.host.run('dpkg-deb', ['-b', '/tmp/wiki', '/tmp/wiki.deb'])
    await lab.host.run('dpkg', ['-i', '/tmp/wiki.deb'])

    const { notes } = await lab.agent.succeed<{ notes: string[] }>('remove', '--purge')
    expect(notes).toEqual([
      expect.stringMatching(/^packages stay installed: (?=.*\bapache2\b).*; needed by wiki$/),
    ])
    for (const name of ['wiki', 'apache2'])
      expect(await lab.sh(`dpkg-query -W -f '\${db:Status-Status}' ${name}`)).toBe('installed')
  })
})

const THEIR_PACKAGE = `Package: wiki
Version: 1
Architecture: all
Maintainer: somebody <somebody@example.org>
Depends: apache2
Description: pages that anybody may change
`

const THEIR_SITE = `Listen 8081
<VirtualHost *:8081>
    ServerName own
    DocumentRoot /srv/own
    <Directory /srv/own>
        Require all granted
    </Directory>
</VirtualHost>
`
