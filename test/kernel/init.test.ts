import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { leaksOf, startArpStorm } from '../support/arp-storm.ts'
import type { Host } from '../support/host.ts'
import { agentOn, done, useSegment, VIP, verify } from '../support/real-server.ts'
import type { Agent, ChangeReport, ErrorReport } from '../support/rs-agent.ts'
import { SteadyClient } from '../support/steady-client.ts'
import { startWebServer } from '../support/web-server.ts'

const network = useSegment()

const PROGRAM = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))

interface InitReport {
  file: string
  copy: string | null
  role: string
  vips: { address: string; ports: string[] }[]
  notes: string[]
  lines: { at: string; text: string; meaning: string; todo: string | null }[]
  next: string[]
  configuration: string
}

const RC_LOCAL = `#!/bin/sh
ip addr add ${VIP}/32 dev lo label lo:0
echo 1 > /proc/sys/net/ipv4/conf/lo/arp_ignore
exit 0
`

describe('init', () => {
  it('adopts a VIP that was bound by hand, with what it has to be told, and no moment without it', async () => {
    const host = await network.bootHost()
    const client = await network.bootHost()
    const agent = bareAgent(host)
    writeBelow(agent, 'etc/rc.local', RC_LOCAL)
    // As that script leaves it: bound, and loud, because lo is not the NIC that is asked.
    await host.namespace.ip(`addr add ${VIP}/32 dev lo label lo:0`)
    await startWebServer(host)
    await client.namespace.ip(`route add ${VIP} via ${host.address}`)
    const visitor = await SteadyClient.start(client)
    const addresses = host.spawn('ip', ['-o', 'monitor', 'address'])

    let report: InitReport | undefined
    let applied: ChangeReport | undefined
    const tally = await visitor.fetchDuring({ address: VIP }, async () => {
      report = await initialised(agent, '--yes', '--director', '10.10.10.11')
      applied = await done(agent, 'apply')
    })
    expect(report).toMatchObject({ role: 'real-server', vips: [{ address: VIP, ports: [] }], copy: null })
    expect(report?.lines.map(({ at, todo }) => [at, todo !== null])).toEqual([
      ['/etc/rc.local:2', true],
      ['/etc/rc.local:3', false],
    ])
    expect(report?.notes.join('\n')).toMatch(/is bound to lo:0 already[\s\S]*not silent: eth0 answers/)
    expect(applied?.changes.map(({ id }) => id)).not.toContain('vip-bound')
    expect(tally.failures).toEqual({})
    expect(Object.values(tally.answers).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
    addresses.kill()
    expect((await addresses).stdout).not.toContain(VIP)

    const storm = await startArpStorm(client, VIP)
    expect(await verify(agent)).toMatchObject({ verdict: 'pass' })
    expect(await done(agent, 'plan')).toMatchObject({ converged: true, changes: [] })
    const count = await storm.stop()
    expect(leaksOf(count, [host])).toBe(0)
    expect(count.sent).toBeGreaterThan(0)
  })

  it('leaves a hand-made set-up that is right as it is: apply then writes down what is there', async () => {
    const host = await network.bootHost()
    const agent = bareAgent(host)
    await host.namespace.writeSysctl(['ipv4/conf/all/arp_ignore', 'ipv4/conf/eth0/arp_ignore'], 1)
    await host.namespace.writeSysctl(['ipv4/conf/all/arp_announce', 'ipv4/conf/eth0/arp_announce'], 2)
    await host.namespace.ip(`addr add ${VIP}/32 dev lo label lo:0`, `route add ${VIP} dev lo`)
    await initialised(agent, '--yes')
    const { changes } = await done(agent, 'apply')
    expect(changes.map(({ id, action }) => `${id} ${action}`)).toEqual(['arp-sysctl-persisted create'])
  })

  it('writes what the options say, commented, and the file is one that apply takes', async () => {
    const agent = bareAgent(await network.bootHost())
    const vips = `${VIP}:80/tcp,${VIP}:443/tcp,[2001:db8::100]:80`
    const {
      file,
      vips: written,
      configuration,
    } = await initialised(agent, ...['--role', 'real-server', '--vip', vips, '--director', '10.10.10.11'])
    expect(written).toEqual([
      { address: VIP, ports: ['80/tcp', '443/tcp'] },
      { address: '2001:db8::100', ports: ['80/tcp'] },
    ])
    expect(readFileSync(file, 'utf8')).toBe(configuration)
    expect(configuration).toMatch(/^# Configuration of rs-agent/)
    await done(agent, 'apply')
    expect(await verify(agent)).toMatchObject({ verdict: 'pass' })
  })

  it('writes a director’s, with the NIC that is near its VIPs', async () => {
    const host = await network.bootHost()
    await network.segment.plugIn(host, 'eth1', '10.77.0.9/24')
    const agent = bareAgent(host)
    const { configuration } = await initialised(
      agent,
      ...[
        '--role',
        'director',
        '--vip',
        '10.77.0.100:80/tcp',
        '--real-server',
        '10.77.0.12,10.77.0.13',
        '--yes',
      ],
    )
    expect(configuration).toContain('interface: eth1')
    expect(configuration).toContain('- listen: 10.77.0.100:80/tcp')
    expect(configuration).toContain('- { address: 10.77.0.13, weight: 1 }')
    // Read as it would be by any command; without IPVS in the kernel none goes further.
    const { exitCode, stdout } = await agent.run(['director', 'plan', '--json'])
    expect([0, 2, 69], stdout).toContain(exitCode)
  })

  it('points a director that has another tool to import', async () => {
    const agent = bareAgent(await network.bootHost())
    writeBelow(agent, 'etc/keepalived/keepalived.conf', `virtual_server ${VIP} 80 {\n}\n`)
    const { exitCode, json } = await agent.run(['init', '--yes', '--json'])
    expect(exitCode).toBe(64)
    expect(json<ErrorReport>().error.message).toContain(
      'rs-agent director import /etc/keepalived/keepalived.conf',
    )
  })

  it('never overwrites a configuration, and keeps a copy with --force', async () => {
    const agent = bareAgent(await network.bootHost())
    const mine = 'realServer: { vips: [] } # mine\n'
    agent.configure(mine)
    const refused = await agent.run(['init', '--role', 'real-server', '--vip', VIP, '--json'])
    expect(refused.exitCode).toBe(1)
    expect(refused.json<ErrorReport>().error.message).toContain('is there already')
    expect(readFileSync(join(agent.root, 'etc/rs-agent/config.yaml'), 'utf8')).toBe(mine)
    const { copy } = await initialised(agent, '--role', 'real-server', '--vip', VIP, '--force')
    expect(readFileSync(copy ?? '', 'utf8')).toBe(mine)
    expect(readdirSync(join(agent.root, 'etc/rs-agent'))).toHaveLength(2)
  })

  it('takes a file that says nothing, as a package has it, for none, and keeps a copy all the same', async () => {
    const agent = bareAgent(await network.bootHost())
    agent.configure('# realServer:\n')
    const { copy } = await initialised(agent, '--role', 'real-server', '--vip', VIP)
    expect(readFileSync(copy ?? '', 'utf8')).toBe('# realServer:\n')
  })

  it.each([
    [[], 'there is no terminal to ask on'],
    [['--yes'], '--role is missing'],
    [['--yes', '--role', 'real-server'], '--vip is missing'],
    [['--yes', '--vip', '10.10.10.300', '--role', 'real-server'], 'expected an IPv4 or IPv6 address'],
    [['--yes', '--vip', `${VIP}:0/tcp`, '--role', 'real-server'], 'expected a port from 1 to 65535'],
    [['--yes', '--vip', VIP, '--role', 'backend'], "argument 'backend' is invalid"],
    [['--yes', '--vip', VIP, '--role', 'real-server', '--interface', 'eth0'], '--interface is of a director'],
  ])('refuses %j with what is missing, and writes nothing', async (args, message) => {
    const agent = bareAgent(await network.bootHost())
    const { exitCode, json } = await agent.run(['init', ...args, '--json'])
    expect(exitCode).toBe(64)
    expect(json<ErrorReport>().error.message).toContain(message)
    expect(readdirSync(join(agent.root, 'etc/rs-agent'))).toEqual([])
  })

  it('refuses a director that is a VIP, by the rule of the file', async () => {
    const agent = bareAgent(await network.bootHost())
    const { exitCode, json } = await agent.run(['init', '--yes', '--vip', VIP, '--director', VIP, '--json'])
    expect(exitCode).toBe(65)
    expect(json<ErrorReport>().error.message).toContain(
      "realServer.directors[0]: expected the director's own",
    )
  })

  it('asks on a terminal, proposes what it found, and asks again after a slip', async () => {
    const host = await network.bootHost()
    await host.namespace.ip(`addr add ${VIP}/32 dev lo label lo:0`)
    const agent = bareAgent(host)
    const { terminal, said, forget } = initOnTerminal(host, agent)
    const answers: [question: RegExp, answer: string][] = [
      [/Role of this host .*\[real-server\]: $/, ''],
      [/VIPs with their ports.*\[10\.10\.10\.100\]: $/, '10.10.10.300'],
      [/received "10\.10\.10\.300"[\s\S]*VIPs with their ports.*: $/, `${VIP}:80/tcp`],
      [/Directors.*: $/, '10.10.10.11'],
    ]
    for (const [question, answer] of answers) {
      await expect.poll(said).toMatch(question)
      forget()
      terminal.stdin.write(`${answer}\r`)
    }
    expect((await terminal).exitCode).toBe(0)
    expect(readFileSync(join(agent.root, 'etc/rs-agent/config.yaml'), 'utf8')).toMatch(
      /- \{ address: 10\.10\.10\.100, ports: \[80\/tcp\] \}[\s\S]*directors: \[10\.10\.10\.11\]/,
    )
  })

  it('takes answers that are pasted, all at once', async () => {
    const host = await network.bootHost()
    const agent = bareAgent(host)
    const { terminal, said } = initOnTerminal(host, agent)
    await expect.poll(said).toMatch(/Role of this host/)
    terminal.stdin.write(`real-server\r${VIP}:80/tcp\r10.10.10.11\r`)
    expect((await terminal).exitCode).toBe(0)
    expect(readFileSync(join(agent.root, 'etc/rs-agent/config.yaml'), 'utf8')).toMatch(
      /- \{ address: 10\.10\.10\.100, ports: \[80\/tcp\] \}[\s\S]*directors: \[10\.10\.10\.11\]/,
    )
    expect(said()).toContain(`rs-agent --root ${agent.root} plan`)
  })

  it('says of files that it may not read that it has not read them', async () => {
    const agent = bareAgent(await network.bootHost())
    writeBelow(agent, 'etc/rc.local', `#!/bin/sh\n${'#'.repeat(300 * 1024)}\nip addr add ${VIP}/32 dev lo\n`)
    const { notes } = await initialised(agent, '--role', 'real-server', '--vip', `${VIP}:80/tcp`)
    expect(notes.join('\n')).toMatch(/not looked into: \/etc\/rc\.local: it is no text of up to 256 KiB/)
  })
})

/** A terminal of its own, which passes on what is typed; what it said since it was last forgotten. */
function initOnTerminal(host: Host, { root }: Agent) {
  const command = `${process.execPath} ${PROGRAM} --no-color --root ${root} init`
  const terminal = host.spawn('script', ['-qefc', command, '/dev/null'])
  let said = ''
  terminal.stdout.on('data', text => {
    said += text
  })
  const forget = (): void => {
    said = ''
  }
  return { terminal, said: () => stripVTControlCharacters(said), forget }
}

/** On a host without a configuration. */
function bareAgent(host: Host): Agent {
  return agentOn(host, null)
}

async function initialised(agent: Agent, ...args: string[]): Promise<InitReport> {
  const finished = await agent.run(['init', ...args, '--json'])
  expect(finished.exitCode, finished.stdout + finished.stderr).toBe(0)
  return finished.json<InitReport>()
}

function writeBelow({ root }: Agent, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
