import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Host } from '../support/host.ts'
import { Agent, type ChangeReport, type ErrorReport } from '../support/rs-agent.ts'

/** Whether a file means what the kernel has: ipvsadm itself loads the files, and rs-agent compares. */

const CASES = join(import.meta.dirname, '../cases/import')
const NAMES = readdirSync(CASES).filter(name => name.startsWith('ipvsadm-'))
const rulesOf = (name: string): string => join(CASES, name, 'rules')
const SHOP = rulesOf('ipvsadm-web-shop')

let host: Host
let agent: Agent
beforeAll(async () => {
  execFileSync('modprobe', ['ip_vs'])
  host = await Host.boot({ name: 'director', address: '192.0.2.1/24', number: 1 })
  await host.namespace.ip(
    'link add eth0 type dummy',
    'addr add 192.0.2.1/24 dev eth0',
    'addr add 2001:db8::1/64 dev eth0 nodad',
    'link set eth0 up',
    // Of the sync daemon.
    'link add eth1 type dummy',
    'addr add 198.51.100.1/24 dev eth1',
    'link set eth1 up',
  )
  agent = new Agent(host, null)
})
afterEach(async () => {
  await host.run('ipvsadm', ['-C'])
  await host.spawn('ipvsadm', ['--stop-daemon', 'master'], { input: '' })
})
afterAll(async () => {
  await agent[Symbol.asyncDispose]()
  await host.namespace[Symbol.asyncDispose]()
})

interface CheckReport {
  equal: boolean
  differences: {
    kind: string
    subject: string
    field: string | null
    file: string | null
    kernel: string | null
  }[]
}

async function check(file: string): Promise<CheckReport & { exitCode: number | undefined }> {
  const finished = await agent.run(['--json', 'director', 'import', file, '--check'])
  return { ...finished.json<CheckReport>(), exitCode: finished.exitCode }
}

/** As ipvsadm-restore does it, which leaves comments out. */
const load = (file: string) =>
  host.run('ipvsadm', ['-R'], { input: readFileSync(file, 'utf8').replace(/^#.*\n/gm, '') })

describe('import --check', () => {
  it.each(NAMES)('finds the table that ipvsadm made of the file, and an edit of it: %s', async name => {
    const file = rulesOf(name)
    await load(file)
    expect(await check(file)).toMatchObject({ exitCode: 0, equal: true, differences: [] })

    const rules = (await host.run('ipvsadm', ['-Sn'])).split('\n')
    const rule = rules.find(each => each.startsWith('-a ')) ?? expect.fail('no real server is there')
    const weight = Number(/ -w ([0-9]+)/.exec(rule)?.[1])
    await host.run('ipvsadm', ['-R'], {
      input: `${rule.replace('-a ', '-e ').replace(/ -w [0-9]+/, ` -w ${weight + 1}`)}\n`,
    })
    const { exitCode, equal, differences } = await check(file)
    expect({ exitCode, equal }).toEqual({ exitCode: 2, equal: false })
    expect(differences.filter(({ field }) => field === 'weight')).toMatchObject([
      { kind: 'different', file: String(weight), kernel: String(weight + 1) },
    ])
  })

  it('names what is missing, what is extra and what differs', async () => {
    await load(SHOP)
    await host.run('ipvsadm', ['-R'], {
      input: [
        '-D -u 192.0.2.11:53',
        '-A -t 192.0.2.12:25 -s rr',
        '-E -t 192.0.2.10:80 -s wrr -p 60',
        '-d -t 192.0.2.10:80 -r 192.0.2.21:80',
        '-a -t 192.0.2.10:80 -r 192.0.2.29:80 -g',
        '-e -t 192.0.2.10:80 -r 192.0.2.22:80 -i -w 100',
        '',
      ].join('\n'),
    })
    const { exitCode, stdout } = await agent.run(['director', 'import', SHOP, '--check'])
    expect(exitCode).toBe(2)
    expect(stdout.split('\n')).toEqual([
      '  ~ 192.0.2.10:80/tcp  scheduler: wlc in the file, wrr in the kernel',
      '  ~ 192.0.2.10:80/tcp  persistence: 300 s, 255.255.255.255 in the file, 60 s, 255.255.255.255 in the kernel',
      '  - 192.0.2.21:80 of 192.0.2.10:80/tcp  not in the kernel',
      '  ~ 192.0.2.22:80 of 192.0.2.10:80/tcp  forwarding: direct-route in the file, tunnel ipip in the kernel',
      '  + 192.0.2.29:80 of 192.0.2.10:80/tcp  only in the kernel',
      '  - 192.0.2.11:53/udp  not in the kernel',
      '  + 192.0.2.12:25/tcp  only in the kernel',
      'rs-agent director import: 7 differences between the file, 4 services, and the kernel',
    ])
  })
})

describe('import', () => {
  it('writes a configuration by which the table stays as it is', async () => {
    await load(SHOP)
    const { exitCode, stdout } = await agent.run(['director', 'import', '-', '--interface', 'eth0'], {
      input: readFileSync(SHOP, 'utf8'),
    })
    expect(exitCode).toBe(0)
    agent.configure(stdout)
    const planned = await agent.run(['--json', 'director', 'plan'])
    expect(planned.exitCode).toBe(2)
    const { changes } = planned.json<ChangeReport>()
    expect(changes.map(({ id }) => id)).toContain('vip-on-nic')
    expect(changes.filter(({ id }) => id === 'ipvs-pool')).toEqual([])
  })

  it('writes a service without real servers, as the kernel has it', async () => {
    const rule = '-A -t 192.0.2.50:80 -s rr'
    const { stdout } = await agent.run(['director', 'import', '-', '--interface', 'eth0'], {
      input: `${rule}\n`,
    })
    agent.configure(`${stdout}\n  bindVips: false\n`)
    const applied = await agent.run(['--json', 'director', 'apply'])
    expect(applied.exitCode, applied.stdout).toBe(0)
    expect(await host.run('ipvsadm', ['-Sn'])).toBe(rule)
    expect((await agent.run(['director', 'plan'])).exitCode).toBe(0)
    expect((await agent.run(['director', 'remove'])).exitCode).toBe(0)
    expect(await host.run('ipvsadm', ['-Sn'])).toBe('')
  })

  it('refuses what would be too long to load', async () => {
    const name = 'x'.repeat(9 * 1024 * 1024)
    const input = `virtual=192.0.2.50:80\n\treal=192.0.2.51:80 gate\n\tservicename=${name}\n`
    const finished = await agent.run(['--json', 'director', 'import', '-'], { input })
    expect(finished.exitCode).toBe(65)
    expect(finished.json<ErrorReport>().error.message).toMatch(
      /takes \d+ bytes of our configuration, which is at most 8388608/,
    )
  })

  it('reads back what director save prints', async () => {
    await load(SHOP)
    const saved = await agent.run(['director', 'save'])
    const { exitCode, stdout } = await agent.run(['director', 'import', '-', '--check'], {
      input: saved.stdout,
    })
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: "rs-agent director import: the kernel's table is what the file means, 4 services",
    })
  })

  it.each([
    ['-A -f x\n-A -t 10.0.0.1:80 -s no', [], 65, '<stdin>:1:7: "x" is no firewall mark'],
    ['-A -f y\n-A -t 10.0.0.1:80 -s no', [], 65, '<stdin>:2:19: IPVS has no scheduler no'],
    ['hello\n', [], 65, '<stdin>:1:1: this is no file of ipvsadm, ldirectord or keepalived'],
    ['global_defs {\n}\n', [], 65, '<stdin>:1:1: there is no virtual service in it'],
    ['-A -f 1\n', ['--kind', 'haproxy'], 64, '--kind: "haproxy" is no kind of file'],
  ])('says what is wrong and where: %j %j', async (input, options, exitCode, message) => {
    const finished = await agent.run(['--json', 'director', 'import', '-', ...options], { input })
    expect(finished.exitCode).toBe(exitCode)
    expect(finished.json<ErrorReport>().error.message).toContain(message)
  })
})
