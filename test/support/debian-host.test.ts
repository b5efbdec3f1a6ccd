import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { DebianHost } from './debian-host.ts'
import { firstLine } from './first-line.ts'
import { Segment } from './segment.ts'

const IDENTITY = { name: 'rs1', address: '10.10.10.12/24' }

test('a host that starts with nothing becomes a web server, and is one again after a reboot', async () => {
  await using segment = await Segment.build()
  const client = await segment.addHost('client', '10.10.10.10/24')
  await using host = await DebianHost.boot(segment, IDENTITY)
  expect(await host.failedUnits()).toEqual([])
  expect(await host.run('systemctl', ['is-system-running'])).toBe('running')

  await host.install('apache2')
  await host.run('tee', ['/var/www/html/own.html'], { input: 'my own page\n' })
  const page = () => client.run('curl', ['-sS', '--max-time', '5', `http://${host.address}/own.html`])
  expect(await page()).toBe('my own page')

  await host.reboot()
  expect(await host.run('systemctl', ['is-active', 'apache2'])).toBe('active')
  expect(await host.failedUnits()).toEqual([])
  expect(await page()).toBe('my own page')
})

test('a host keeps its files and its MAC, and nothing that only its kernel knew, when it loses power', async () => {
  await using segment = await Segment.build()
  const neighbour = await segment.addHost('neighbour', '10.10.10.10/24')
  await using host = await DebianHost.boot(segment, IDENTITY)
  // 7: a host is there, and nothing listens; else it is a time out.
  const answers = async () => (await neighbour.spawn('curl', ['-sS', '-m2', host.address])).exitCode === 7
  const { mac } = host.network
  await host.run('ip', ['addr', 'add', '10.10.10.100/32', 'dev', 'lo'])
  await host.run('sysctl', ['-q', 'net.ipv4.conf.all.arp_ignore=1'])
  expect(await answers()).toBe(true)

  for (const end of ['crash', 'powerOff'] as const) {
    await host.run('touch', [`/etc/before-${end}`])
    await host[end]()
    expect(await answers()).toBe(false)
    await host.powerOn()
    expect(await host.run('ls', [`/etc/before-${end}`])).toBe(`/etc/before-${end}`)
    expect(await answers()).toBe(true)
  }
  expect(host.network.mac).toBe(mac)
  expect(await host.run('ip', ['addr', 'show', 'lo'])).not.toContain('10.10.10.100')
  expect(await host.run('sysctl', ['-n', 'net.ipv4.conf.all.arp_ignore'])).toBe('0')
})

test('has rs-agent, and leaves the settings of this machine alone', async () => {
  await using segment = await Segment.build()
  await using host = await DebianHost.boot(segment, IDENTITY)
  expect(JSON.parse(await host.run('rs-agent', ['--json', 'explain', 'vip-bound']))).toBeTypeOf('object')
  expect((await host.spawn('sysctl', ['kernel.panic=1'])).exitCode).not.toBe(0)
  // What systemd would mount there is this machine's own.
  expect(await host.run('stat', ['-c', '%T', '-f', '/dev'])).toBe('overlayfs')
})

test('leaves no process and no control group behind when its owner is killed -9', async () => {
  const owner = execa(process.execPath, ['--input-type=module', '-e', OWNER], { reject: false })
  await firstLine(owner)
  const pids = descendantsOf(owner.pid)
  const ours = (group: string) => pids.some(pid => group.endsWith(`-${pid}`))
  expect((await controlGroups()).filter(ours)).toHaveLength(1)

  owner.kill('SIGKILL')
  await owner

  await expect.poll(() => pids.filter(isAlive)).toEqual([])
  await expect.poll(async () => (await controlGroups()).filter(ours)).toEqual([])
})

const OWNER = `
  import { DebianHost } from '${new URL('./debian-host.ts', import.meta.url)}'
  import { Segment } from '${new URL('./segment.ts', import.meta.url)}'
  const host = await DebianHost.boot(await Segment.build(), ${JSON.stringify(IDENTITY)})
  host.spawn('sleep', ['infinity'])
  console.log('booted')
`

function descendantsOf(pid: number | undefined): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter(each => /^\d+$/.test(each))) {
    const parent = /\nPPid:\t(\d+)/.exec(statusOf(name))?.[1]
    parents.set(Number(name), Number(parent))
  }
  const isBelow = (each: number | undefined): boolean =>
    each !== undefined && (each === pid || isBelow(parents.get(each)))
  return [...parents.keys()].filter(each => each !== pid && isBelow(each))
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    // It ended meanwhile.
    return ''
  }
}

// Not whether /proc/PID exists: a killed orphan stays there until the init process collects it.
function isAlive(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) !== ''
  } catch {
    return false
  }
}

/** Those of Debian hosts; mounted for the question, because where machines have them differs. */
async function controlGroups(): Promise<string[]> {
  const list = 'mount -t cgroup2 cgroup /mnt; find /mnt -type d -name "debian-host-*"'
  const { stdout } = await execa('unshare', ['--mount', 'sh', '-ec', list])
  return stdout.split('\n').filter(Boolean)
}
