import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ChangeReport, ErrorReport } from '../../support/rs-agent.ts'
import { RIP, VIP, WebServerLab } from '../../support/web-server-lab.ts'
import { differencesOf, takeWholeHost } from '../../support/whole-host.ts'

const SERVERS = [
  {
    server: 'apache',
    unit: 'apache2',
    site: '/etc/apache2/sites-enabled/rs-agent.conf',
    theirs: '/etc/apache2/conf-enabled/theirs.conf',
    edit: ['Options FollowSymLinks', 'Options None'],
    // What the server itself does not know.
    mistake: ['AllowOverride', 'AllowOverrid'],
    complaint:
      /^apache2ctl -t refuses the configuration: .*line \d+ of \/etc\/apache2\/sites-enabled\/rs-agent\.conf.*AllowOverrid/,
  },
  {
    server: 'nginx',
    unit: 'nginx',
    site: '/etc/nginx/conf.d/rs-agent.conf',
    theirs: '/etc/nginx/conf.d/theirs.conf',
    edit: ['keepalive_timeout 5s', 'keepalive_timeout 6s'],
    mistake: ['keepalive_timeout', 'keepalive_timeoot'],
    complaint:
      /^nginx -t -q refuses the configuration: .*keepalive_timeoot.* in \/etc\/nginx\/conf\.d\/rs-agent\.conf:\d+/,
  },
]
const PAGE = { address: VIP }

describe.for(SERVERS)('the site of $server', ({ server, unit, site, theirs, edit, mistake, complaint }) => {
  const httpd = `server: ${server}`
  const template = `/etc/rs-agent/templates/httpd/${server}.conf`
  let lab: WebServerLab
  beforeAll(async () => {
    lab = await WebServerLab.build(httpd)
  })
  afterAll(() => lab[Symbol.asyncDispose]())
  beforeEach(async () => {
    await lab.sh(`rm -rf /etc/rs-agent/templates ${theirs} /var/lib/rs-agent/replaced`)
    await lab.configure(httpd)
    await lab.agent.succeed('apply')
  })

  /** A template of the host's own: the one of the program, with one word replaced by another. */
  async function override([from = '', to = '']: readonly string[]): Promise<void> {
    const text = await lab.host.run('cat', [`/usr/local/lib/rs-agent/templates/httpd/${server}.conf`])
    expect(text).toContain(from)
    await lab.host.writeFile(template, `${text.replaceAll(from, to)}\n`)
  }

  /** Fails as a whole, with nobody who fetches pages noticing. */
  async function expectRefused(exitCode: number): Promise<ErrorReport['error']> {
    const before = await takeWholeHost(lab.host)
    let error: ErrorReport['error'] | undefined
    const apply = async () => {
      const refused = await lab.agent.run(['apply', '--json'])
      expect([refused.exitCode, refused.stdout]).toEqual([exitCode, expect.any(String)])
      error = refused.json<ErrorReport>().error
    }
    const tally = await lab.client.fetchDuring(PAGE, apply, { pauseMs: 5 })
    expect(tally).toMatchObject({ pages: { 'our page': expect.any(Number) }, failures: {} })
    expect(differencesOf(before, await takeWholeHost(lab.host))).toEqual([])
    return error ?? expect.unreachable('no error was told')
  }

  it('comes from a template of the host, and plan shows what that changes', async () => {
    await override(edit)
    const plan = await lab.agent.run(['plan'])
    expect(plan).toMatchObject({ exitCode: 2 })
    expect(plan.stdout).toContain(`/${site}`.replace('//', '/'))
    for (const [sign, word] of [
      ['-', edit[0]],
      ['+', edit[1]],
    ])
      expect(plan.stdout).toMatch(new RegExp(`^ +\\${sign} .*${word}`, 'm'))
    const tally = await lab.client.fetchDuring(PAGE, () => lab.agent.succeed('apply'), { pauseMs: 5 })
    expect(tally).toMatchObject({ failures: {} })
    expect(await lab.sh(`cat ${site}`)).toContain(edit[1])
    expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [] })
  })

  it.for([
    ['an open section', '{{#sockets}}', /line \d+ of the template is broken: Unclosed section "sockets"/],
    [
      'a name that does not exist',
      '\n{{nobody}}',
      /line \d+ of the template uses \{\{nobody\}\}, which does not exist/,
    ],
    ['a way around the quoting', '\n{{{documentRoot}}}', /line \d+ of the template uses the tag &/],
  ] as const)('is not touched by a template with %s', async ([, text, message]) => {
    await override([])
    await lab.sh(`printf '%s\\n' '${text}' >>${template}`)
    const error = await expectRefused(65)
    expect(error.message).toMatch(new RegExp(`^template httpd/${server}\\.conf: ${message.source}`))
    expect(error.hint).toContain('/etc/rs-agent/templates')
  })

  it('is taken back when the server refuses it, and the one before is served all the while', async () => {
    await override(mistake)
    const error = await expectRefused(1)
    expect(error.message).toMatch(complaint)
    expect(error.message).toMatch(/nothing was changed: every step was undone$/)
    expect(error.hint).toContain('/etc/rs-agent/templates/httpd')
  })

  it("is taken back when the server refuses somebody else's configuration", async () => {
    await lab.host.writeFile(theirs, 'Nonsense on;\n')
    await lab.configure(`${httpd}, healthPath: /other.html`)
    const error = await expectRefused(1)
    expect(error.message).toContain(theirs)
    expect(error.message).toMatch(/nothing was changed: every step was undone$/)
  })

  it('replaces what somebody has edited by hand, tells of it, and keeps a copy', async () => {
    await lab.sh(`echo '# by hand' >>${site}`)
    const note = expect.stringMatching(
      /was changed by hand: it is replaced, with a copy in \/var\/lib\/rs-agent\//,
    )
    const plan = await lab.agent.run(['plan', '--json'])
    expect(plan.json()).toMatchObject({ notes: [note] })
    expect(await lab.agent.succeed('apply')).toMatchObject({ notes: [note] })
    expect(await lab.sh(`grep -c 'by hand' ${site}`)).toBe('0')
    expect(await lab.sh('tail -n 1 /var/lib/rs-agent/replaced/*')).toBe('# by hand')
    expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [], notes: [] })
  })

  it('is put where somebody else had a file of that name, which remove puts back', async () => {
    await lab.agent.succeed('remove')
    await lab.host.writeFile(site, '# somebody else\n')
    await lab.host.run('chmod', ['600', site])
    await lab.agent.succeed('apply')
    expect(await lab.client.fetch(PAGE, 1)).toMatchObject({ pages: { 'our page': 1 } })
    await lab.agent.succeed('remove')
    expect(await lab.sh(`cat ${site}; stat -c %a ${site}`)).toBe('# somebody else\n600')
    await lab.sh(`rm ${site}`)
  })

  it('is served on another port, and on the old one no more', async () => {
    await lab.configure(`${httpd}, port: 8080`)
    await lab.agent.succeed('apply')
    const alive = (port: number) => lab.client.fetch({ address: RIP, port, path: '/.rs-agent/alive' }, 1)
    expect((await alive(8080)).failures).toEqual({})
    expect((await alive(80)).failures).not.toEqual({})
    expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [] })
  })

  it('is not put on a port that somebody has on one address, while it runs or not', async () => {
    const script = `use IO::Socket; $| = 1;
      my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 8080, Listen => 5) or die;
      print "listens\\n"; sleep`
    const holder = lab.host.spawn('perl', ['-e', script])
    await expect.poll(() => lab.sh("ss -Hltn 'sport = :8080'")).not.toBe('')
    await lab.configure(`${httpd}, port: 8080`)
    const refusal = {
      message: expect.stringMatching(/port 8080 is taken by perl \(process \d+\) at 127\.0\.0\.1:8080/),
      hint: expect.stringContaining("ss -ltnp 'sport = :8080'"),
    }
    expect(await expectRefused(69)).toMatchObject(refusal)
    await lab.host.run('systemctl', ['stop', unit])
    const stopped = await lab.agent.run(['apply', '--json'])
    expect(stopped).toMatchObject({ exitCode: 69 })
    expect(stopped.json<ErrorReport>().error).toMatchObject(refusal)
    holder.kill()
    await holder
    // It ends with the program that had started it, a moment later.
    await expect.poll(() => lab.sh('pgrep -x perl || :')).toBe('')
    await lab.agent.succeed('apply')
  })

  it('is not written to a full disk, and nothing else is', async () => {
    const folder = site.replace(/\/[^/]*$/, '')
    const filled = await lab.host.run('sh', [
      '-c',
      `cp -a ${folder} /root/kept && mount -t tmpfs -o size=16k,mode=755 full ${folder} &&
      cp -a /root/kept/. ${folder} && head -c 16384 /dev/zero >${folder}/filling 2>/dev/null; rm -r /root/kept; df --output=avail ${folder}`,
    ])
    expect(filled).toMatch(/\n *0$/)
    await lab.configure(`${httpd}, healthPath: /other.html`)
    const error = await expectRefused(1)
    expect(error.message).toContain(`cannot write ${site}: ENOSPC`)
    await lab.host.run('umount', [folder])
  })
})

describe('a change of the web server', () => {
  it('has the other one serve, and remove leaves neither', async () => {
    await using lab = await WebServerLab.build('server: apache')
    const before = await takeWholeHost(lab.host)
    await lab.agent.succeed('apply')
    await lab.configure('server: nginx')
    const { changes } = await lab.agent.succeed<ChangeReport>('apply')
    expect(changes.map(({ action, subject }) => `${action} ${subject}`)).toContain('start nginx')
    expect(await lab.client.fetch(PAGE, 1)).toMatchObject({ pages: { 'our page': 1 } })
    expect(await lab.sh('systemctl is-active apache2 nginx')).toBe('inactive\nactive')
    expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [] })
    await lab.agent.succeed('remove', '--purge')
    await lab.configure('server: apache')
    const left = differencesOf(before, await takeWholeHost(lab.host))
    // Debian's nginx copies it there, and forgets it.
    expect(left.filter(line => !line.includes('/var/www/html/index.nginx-debian.html'))).toEqual([])
  })

  it("is refused while somebody else's web server has the port", async () => {
    await using lab = await WebServerLab.build('server: nginx')
    await lab.host.install('apache2')
    const { exitCode, json } = await lab.agent.run(['apply', '--json'])
    expect(exitCode).toBe(69)
    expect(json<ErrorReport>().error.message).toMatch(/port 80 is taken by apache2 \(process \d+\)/)
    expect(await lab.sh('dpkg --get-selections | grep nginx; systemctl is-active apache2')).toBe('active')
  })
})
