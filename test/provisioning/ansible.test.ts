import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Host } from '../support/host.ts'
import { agentOn, done, useSegment, VIP, verify } from '../support/real-server.ts'
import type { Agent } from '../support/rs-agent.ts'
import { differences } from '../support/snapshot.ts'

const network = useSegment()
const PLAYBOOK = fileURLToPath(new URL('../../templates/provisioning/ansible/site.yml', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))
const WITH_TOOLS = fileURLToPath(new URL('../support/as-if-installed.sh', import.meta.url))

// What is unpacked cannot be written to: without this Python would compile Ansible anew for each play.
const compiled = mkdtempSync(join(tmpdir(), 'rs-agent-pycache-'))
afterAll(() => rmSync(compiled, { recursive: true, force: true }))

describe('the Ansible example', { timeout: 300_000 }, () => {
  it('tells with --check what apply would change, and changes nothing', async () => {
    const { host, agent, play } = await managedHost()
    const before = await host.snapshot()
    const checked = await play('--check')
    expect(checked).toMatchObject({ exitCode: 0, failed: 0 })
    expect(checked.changed).toEqual(['Compare the host with it', 'Write the configuration'])
    expect(differences(before, await host.snapshot())).toEqual([])
    expect(existsSync(join(agent.root, 'etc/rs-agent/config.yaml'))).toBe(false)
    expect(existsSync(join(agent.root, 'var/lib/rs-agent'))).toBe(false)
  })

  it('makes a host a real server, and the second time only what somebody changed by hand', async () => {
    const { host, agent, play } = await managedHost()
    const first = await play()
    expect(first).toMatchObject({ exitCode: 0, failed: 0 })
    expect(first.changed).toEqual(['Write the configuration', 'Make it so'])
    expect(await verify(agent)).toMatchObject({ verdict: 'pass' })
    expect(await done(agent, 'plan')).toMatchObject({ converged: true })
    expect(await play()).toMatchObject({ exitCode: 0, changed: [] })
    await host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    expect((await play('--check')).changed).toEqual(['Compare the host with it'])
    expect((await play()).changed).toEqual(['Make it so'])
    expect(await verify(agent)).toMatchObject({ verdict: 'pass' })
  })

  it('fails on a configuration that is wrong before it replaces the one in use', async () => {
    const { agent, play } = await managedHost()
    await play()
    const before = readFileSync(join(agent.root, 'etc/rs-agent/config.yaml'), 'utf8')
    const wrong = { rs_agent_configuration: { realServer: { vips: [{ address: '10.10.10.300' }] } } }
    const refused = await play('-e', JSON.stringify(wrong))
    expect(refused).toMatchObject({ exitCode: 2, failed: 1, changed: [] })
    expect(refused.stdout).toContain('expected an IPv4 or IPv6 address')
    expect(readFileSync(join(agent.root, 'etc/rs-agent/config.yaml'), 'utf8')).toBe(before)
  })

  it('fails where apply fails, with the host as it was, and its configuration', async () => {
    const { host, agent, play } = await managedHost()
    const configuration = join(agent.root, 'etc/rs-agent/config.yaml')
    // Where a folder belongs that apply writes to: only then it is found out.
    writeFileSync(join(agent.root, 'etc/sysctl.d'), '')
    const before = await host.snapshot()
    const failed = await play()
    expect(failed).toMatchObject({ exitCode: 2, failed: 1 })
    expect(failed.changed).toEqual([
      'Write the configuration',
      'Take the configuration away, as there was none',
    ])
    expect(failed.stdout).toContain('cannot write')
    expect(differences(before, await host.snapshot())).toEqual([])
    expect(existsSync(configuration)).toBe(false)
    const text = 'realServer: { vips: [{ address: 10.10.10.101 }] }\n'
    writeFileSync(configuration, text, { mode: 0o600 })
    expect((await play()).changed).toEqual([
      'Write the configuration',
      'Put the configuration of before back',
    ])
    expect(readFileSync(configuration, 'utf8')).toBe(text)
    expect(readdirSync(dirname(configuration))).toEqual(['config.yaml'])
  })
})

interface Play {
  exitCode: number | undefined
  /** Names of the tasks that were reported as changed. */
  changed: string[]
  failed: number
  stdout: string
}

/** A host that Debian's ansible-playbook looks after, by the local connection. */
async function managedHost(): Promise<{ host: Host; agent: Agent; play(...args: string[]): Promise<Play> }> {
  const host = await network.bootHost()
  const agent = agentOn(host, null)
  const home = mkdtempSync(join(tmpdir(), 'rs-agent-ansible-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  mkdirSync(join(home, 'tmp'))
  const inventory = join(home, 'inventory')
  writeFileSync(inventory, '[real_servers]\nthis-host\n')
  const variables = {
    ansible_connection: 'local',
    ansible_become: false,
    ansible_python_interpreter: '/usr/bin/python3',
    // Files below the test's root; and no systemd, which is that of this machine.
    rs_agent: [process.execPath, PROGRAM, '--root', agent.root, '--json'],
    rs_agent_file: join(agent.root, 'etc/rs-agent/config.yaml'),
    ansible_service_mgr: 'none',
  }
  const env = {
    HOME: home,
    ANSIBLE_NOCOLOR: '1',
    LC_ALL: 'C.UTF-8',
    ANSIBLE_PIPELINING: '1',
    PYTHONPYCACHEPREFIX: compiled,
  }
  const command = ['ansible', 'ansible-playbook', '-i', inventory, PLAYBOOK, '-e', JSON.stringify(variables)]
  return {
    host,
    agent,
    async play(...args) {
      const { exitCode, stdout } = await host.spawn('sh', [WITH_TOOLS, ...command, ...args], {
        input: '',
        env,
      })
      return {
        ...(exitCode === undefined ? { exitCode: undefined } : { exitCode }),
        changed: stdout
          .split('\nTASK [')
          .flatMap(part => (/^changed: /m.test(part) ? [part.slice(0, part.indexOf(']'))] : [])),
        failed: Number(/failed=(\d+)/.exec(stdout)?.[1]),
        stdout,
      }
    },
  }
}
