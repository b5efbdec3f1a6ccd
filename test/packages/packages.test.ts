import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaksOf, startArpStorm } from '../support/arp-storm.ts'
import { runAsIfInstalled } from '../support/as-if-installed.ts'
import { DebianAgent } from '../support/debian-agent.ts'
import { DebianHost } from '../support/debian-host.ts'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import { makePackages, makeUpgrade, TOP } from '../support/packages.ts'
import type { ChangeReport, VerifyReport } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differencesOf, takeWholeHost, type WholeHost } from '../support/whole-host.ts'

const VIP = '10.10.10.100'
const CONFIG = `realServer:
  vips: [{ address: ${VIP}, ports: [80/tcp] }]
  directors: [10.10.10.11]
`
const CHECKS = 'vip-bound,vip-route,arp-sysctl,arp-silence'
/** Where the host has the folder with the packages. */
const PACKAGES = '/usr/local/lib/rs-agent'

let packages: string
let segment: Segment
let client: Host
let host: DebianHost
let agent: DebianAgent
/** Of a host that has never seen rs-agent. */
let clean: WholeHost

beforeAll(async () => {
  packages = mkdtempSync(join(tmpdir(), 'rs-agent-packages-'))
  await makePackages(packages)
  makeUpgrade(fileOf(/^rs-agent_.*\.deb$/), '0.1.1~test')
  await installFromNpm()
  segment = await Segment.build()
  client = await segment.addHost('client', '10.10.10.10/24')
  host = await DebianHost.boot(segment, { name: 'rs1', address: '10.10.10.12/24', packages })
  agent = new DebianAgent(host)
  // Where other hosts of the lab have the program.
  await sh('rm /usr/local/bin/rs-agent /usr/local/bin/node; ! command -v node rs-agent')
  clean = await takeWholeHost(host)
}, 400_000)
afterAll(async () => {
  await host[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
  rmSync(packages, { recursive: true, force: true })
})

const sh = (script: string) => host.run('sh', ['-c', script])
const dpkg = (...args: string[]) => host.run('dpkg', args)
const lo = () => sh('ip -4 -o address show dev lo')
const leftBehind = async () => differencesOf(clean, await takeWholeHost(host))

function fileOf(pattern: RegExp): string {
  const name = readdirSync(packages).find(name => pattern.test(name))
  if (name === undefined) throw new Error(`no package is called like ${pattern}`)
  return join(packages, name)
}

/** As the host has it. */
function onHost(pattern: RegExp): string {
  return fileOf(pattern).replace(packages, PACKAGES)
}

/** From nothing but the two files, into the folder that the host sees. */
async function installFromNpm(): Promise<void> {
  const prefix = join(packages, 'npm')
  mkdirSync(prefix)
  const tarballs = [fileOf(/^rs-agent-0.*\.tgz$/), fileOf(/^rs-agent-linux-.*\.tgz$/)]
  const args = ['install', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, ...tarballs]
  await execa('npm', args, { cwd: prefix, env: { npm_config_cache: join(packages, 'npm-cache') } })
}

/** Makes the host a real server, proves it, and takes it back. */
async function goThroughTheRole(): Promise<void> {
  await agent.configure(CONFIG)
  expect(await agent.succeed<ChangeReport>('apply')).toMatchObject({ converged: true, changed: true })
  expect(await lo()).toContain(`${VIP}/32`)
  expect(await agent.succeed<ChangeReport>('apply')).toMatchObject({ converged: true, changed: false })
  const verified = await agent.succeed<VerifyReport>('verify', '--only', CHECKS)
  expect(verified.verdict).toBe('pass')
  expect(verified.checks.find(({ id }) => id === 'arp-silence')).toMatchObject({ verdict: 'pass' })
  await agent.succeed('remove')
  expect(await lo()).not.toContain(VIP)
}

/** Nobody hears anything of the VIP from the host meanwhile; returns who lost an address. */
async function underAStorm(work: () => Promise<void>): Promise<string> {
  const storm = await startArpStorm(client, VIP)
  const monitor = host.spawn('ip', ['-o', 'monitor', 'address'])
  await work()
  const count = await storm.stop()
  monitor.kill()
  expect(count.sent).toBeGreaterThan(1_000)
  expect({ leaks: leaksOf(count, [host.network]), dropped: count.dropped }).toEqual({ leaks: 0, dropped: 0 })
  return (await monitor).stdout
}

describe('the single executable', () => {
  const EXECUTABLE = '/usr/local/bin/rs-agent'

  it('is all that a host needs: it gives a role and takes it back without a trace', async () => {
    await sh(`install ${onHost(/^rs-agent-linux-[^.]*$/)} ${EXECUTABLE}`)
    expect(await sh('rs-agent --version')).toMatch(/^\d+\.\d+\.\d+$/)
    await goThroughTheRole()
    await sh('rm -r /etc/rs-agent')
    expect(await leftBehind()).toEqual([`+ file ${EXECUTABLE} f 755 0:0 `])
  })

  it('is what the service runs, in one word', async () => {
    await agent.configure(CONFIG)
    await agent.succeed('apply')
    await agent.succeed('service', 'install')
    expect(await sh('grep ^ExecStart= /etc/systemd/system/rs-agent.service')).toBe(
      `ExecStart=${EXECUTABLE} run`,
    )
    await agent.succeed('service', 'uninstall')
    await agent.succeed('remove')
  })

  it('needs no folder for temporary files that may hold programs', async () => {
    await sh('mount -t tmpfs -o noexec tmpfs /tmp')
    expect((await agent.run(['plan'])).exitCode).toBe(2)
    expect(await sh('ls -A /tmp; umount /tmp')).toBe('')
  })

  it('says what is in the way when no folder may hold programs', async () => {
    const places = '/tmp /dev/shm /var/tmp /run'
    const script = `for place in ${places}; do mount -t tmpfs -o noexec tmpfs $place; done; rs-agent plan 2>&1`
    const { stdout } = await host.spawn('unshare', ['--mount', 'sh', '-c', script], { input: '' })
    expect(stdout).toContain('noexec')
    await sh(`rm -r ${EXECUTABLE} /etc/rs-agent`)
  })

  it('is small enough', () => {
    expect(statSync(fileOf(/^rs-agent-linux-[^.]*$/)).size).toBeLessThan(130e6)
  })
})

describe('the npm packages', () => {
  it('install offline, and run by any Node.js 24', async () => {
    const runtime = onHost(/^rs-agent-runtime_/)
    await sh(`dpkg-deb -x ${runtime} /opt/node`)
    await host.writeFile(
      '/usr/local/bin/rs-agent',
      `#!/bin/sh\nexec /opt/node/usr/lib/rs-agent-runtime/node ${PACKAGES}/npm/node_modules/.bin/rs-agent "$@"\n`,
    )
    await sh('chmod +x /usr/local/bin/rs-agent')
    await goThroughTheRole()
    await sh('rm -r /usr/local/bin/rs-agent /opt/node /etc/rs-agent')
    expect(await leftBehind()).toEqual([])
  })
})

describe('the Debian packages', () => {
  it('are without an error or a warning in the eyes of lintian', async () => {
    const files = [fileOf(/^rs-agent_0\.1\.0_/), fileOf(/^rs-agent-runtime_/)]
    const { exitCode, all } = await runAsIfInstalled('lintian', [
      'lintian',
      '--allow-root',
      '--fail-on=error,warning',
      ...files,
    ])
    expect(all).not.toMatch(/^[EW]: /m)
    expect(exitCode).toBe(0)
  }, 120_000)

  it('are less than a megabyte without the runtime', () => {
    expect(statSync(fileOf(/^rs-agent_0\.1\.0_/)).size).toBeLessThan(1e6)
  })

  it('give a host no role by themselves', async () => {
    await dpkg('--install', onHost(/^rs-agent_0\.1\.0_/), onHost(/^rs-agent-runtime_/))
    expect(await sh('dpkg --audit; systemctl is-enabled rs-agent || :')).toBe('disabled')
    expect(await host.failedUnits()).toEqual([])
    // So that its first start is as fast as the others.
    expect(await sh('ls /var/cache/rs-agent')).toMatch(/^[0-9a-f]{16}-node-24\.[0-9.]+$/)
    expect((await agent.run(['plan'])).exitCode).toBe(65)
    expect(await lo()).not.toContain(VIP)
  })

  it('make a host a real server by the line of shell, and take it back', async () => {
    const script = readFileSync(join(TOP, 'templates/provisioning/real-server.sh'), 'utf8')
    await host.run('sh', ['-s', '-', `${VIP}:80/tcp`, '10.10.10.11'], { input: script })
    expect(await lo()).toContain(`${VIP}/32`)
    expect(await agent.succeed<ChangeReport>('plan')).toMatchObject({ converged: true, changes: [] })
    await agent.succeed('service', 'uninstall')
    await agent.succeed('remove')
    await goThroughTheRole()
  })

  it('have a unit that systemd has nothing to say about', async () => {
    const units = '/usr/lib/systemd/system/rs-agent.service /usr/lib/systemd/system/rs-agent-silence.service'
    expect(await sh(`systemd-analyze verify --man=no ${units} 2>&1`)).toBe('')
    await sh('systemctl enable --quiet --now rs-agent')
    expect(await sh('systemctl is-enabled rs-agent rs-agent-silence')).toBe('enabled\nenabled')
    expect(await lo()).toContain(VIP)
    await sh('systemctl disable --quiet --now rs-agent')
  })

  it('are upgraded while the service runs: nobody hears of it, and the VIP stays bound', async () => {
    await agent.succeed('service', 'install')
    expect(await sh('grep ^ExecStart= /etc/systemd/system/rs-agent.service')).toBe(
      'ExecStart=/usr/bin/rs-agent run',
    )
    const before = await sh('systemctl show --property=MainPID rs-agent')
    const changes = await underAStorm(async () => {
      await dpkg('--install', onHost(/~test/))
      await expect.poll(() => sh('systemctl is-active rs-agent')).toBe('active')
    })
    expect(changes).not.toContain('Deleted')
    expect(await sh('systemctl show --property=MainPID rs-agent')).not.toBe(before)
    expect(await sh('dpkg-query --show rs-agent')).toContain('0.1.1~test')
    expect(await sh('rs-agent --version')).toBe('0.1.1')
    expect(await sh('cat /etc/systemd/system/rs-agent.service')).toContain('# of the upgrade')
    const id = await sh('head -c 20 /usr/lib/rs-agent/rs-agent-main.cjs')
    expect(await sh('ls /var/cache/rs-agent')).toMatch(new RegExp(`^${id.slice(2, 18)}-node-[0-9.]+$`))
    expect(await agent.succeed<VerifyReport>('verify', '--only', CHECKS)).toMatchObject({ verdict: 'pass' })
  }, 120_000)

  it('come back with the service where there is no room for what is compiled', async () => {
    await sh('mount -t tmpfs -o ro tmpfs /var/cache')
    await dpkg('--install', onHost(/~test/))
    expect(await sh('umount /var/cache; systemctl is-active rs-agent')).toBe('active')
    expect(await sh('dpkg --audit')).toBe('')
  })

  it('stay when the role cannot be taken off', async () => {
    const lock = host.spawn('flock', [
      '--no-fork',
      '/run/rs-agent/lock',
      'sh',
      '-c',
      'echo; exec sleep infinity',
    ])
    await firstLine(lock)
    await expect(dpkg('--remove', 'rs-agent')).rejects.toThrow(/another/)
    lock.kill()
    await lock
    await expect.poll(() => sh('systemctl is-active rs-agent || :')).toBe('active')
    expect(await sh('dpkg --audit')).toBe('')
    expect(await lo()).toContain(VIP)
  })

  it('are purged without a sound, and leave the host as it was', async () => {
    const changes = await underAStorm(async () => {
      await dpkg('--purge', 'rs-agent', 'rs-agent-runtime')
    })
    expect(changes).toMatch(new RegExp(`Deleted .* ${VIP}/32`))
    // The monitor was killed, and may still be there for a moment.
    await expect.poll(leftBehind).toEqual([])
    expect(await host.failedUnits()).toEqual([])
  }, 120_000)

  it('are installed by apt over a configuration that was there first', async () => {
    await agent.configure(CONFIG)
    const files = [onHost(/^rs-agent_0\.1\.0_/), onHost(/^rs-agent-runtime_/)].join(' ')
    await sh(
      `DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Options::=--force-confold install ${files} </dev/null`,
    )
    expect(await sh('cat /etc/rs-agent/config.yaml')).toBe(CONFIG.trimEnd())
    expect((await agent.run(['plan'])).exitCode).toBe(2)
    await sh('apt-get -y purge rs-agent rs-agent-runtime')
    expect(await sh('dpkg --audit; ls /etc/rs-agent 2>&1 || :')).toMatch(/No such file/)
  })
})

it('name no folder of the machine that they were made on', () => {
  const executable = readFileSync(fileOf(/^rs-agent-linux-[^.]*$/))
  for (const folder of [TOP, packages, join(homedir(), '.cargo')])
    expect([folder, executable.includes(folder)]).toEqual([folder, false])
})

it('come out the same, byte for byte, when they are made again of one build', async () => {
  const again = join(packages, 'again')
  await makePackages(again)
  const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')
  for (const name of readdirSync(again))
    expect([name, digest(join(again, name))]).toEqual([name, digest(join(packages, name))])
}, 300_000)
