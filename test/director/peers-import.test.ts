import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Host } from '../support/host.ts'
import { type Peer, startPeer } from '../support/peers.ts'
import { Agent } from '../support/rs-agent.ts'

/** Debian's keepalived and ldirectord beside rs-agent: the table that each makes of the same file. */

const CASES = join(import.meta.dirname, '../cases/import')
const FILES: Record<Peer, string> = { keepalived: 'keepalived.conf', ldirectord: 'ldirectord.cf' }
const samplesOf = (peer: Peer) => readdirSync(CASES).filter(name => name.startsWith(`${peer}-`))

let folder: string
beforeAll(() => {
  execFileSync('modprobe', ['ip_vs'])
  folder = mkdtempSync(join(tmpdir(), 'rs-agent-peers-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What cannot be equal: a real server that ours alone has, and the warning of `director import` that tells it. */
const DIFFERENCES: Record<string, { only: string; warning: string }> = {
  'ldirectord-fwmark-ftp': { only: '203.0.113.25:9001 ', warning: 'checktype-off:' },
}

describe.each(['keepalived', 'ldirectord'] as const)('what %s makes of a file', peer => {
  it.each(samplesOf(peer))('is what rs-agent makes of it: %s', async name => {
    const file = join(CASES, name, FILES[peer])
    const ours = await tableOfOurs(file)
    const { only, warning } = DIFFERENCES[name] ?? {}
    const common = only === undefined ? ours.table : ours.table.filter(line => !line.includes(only))
    if (warning !== undefined) expect(ours.warnings).toContain(warning)
    await using host = await directorHost()
    const running = startPeer(peer, host, whereAllAreHealthy(peer, name))
    // They need their time, and the processor: ldirectord starts programs for each line.
    await expect.poll(() => tableOf(host), { timeout: 60_000, interval: 500 }).toEqual(common)
    running.kill('SIGKILL')
    await running
  })
})

async function tableOfOurs(file: string): Promise<{ table: string[]; warnings: string }> {
  await using host = await directorHost()
  await using agent = new Agent(host, null)
  const imported = await agent.run(['director', 'import', file, '--interface', 'eth0'])
  expect(imported).toMatchObject({ exitCode: 0 })
  agent.configure(imported.stdout)
  const applied = await agent.run(['director', 'apply'])
  expect({ exitCode: applied.exitCode, stderr: applied.stderr }).toMatchObject({ exitCode: 0 })
  return { table: await tableOf(host), warnings: imported.stderr }
}

async function directorHost(): Promise<Host> {
  const host = await Host.boot({ name: 'director', address: '192.0.2.1/24', number: 1 })
  await host.namespace.ip(
    ...['eth0', 'eth1'].flatMap(nic => [`link add ${nic} type dummy`, `link set ${nic} up`]),
    'addr add 192.0.2.1/24 dev eth0',
    'addr add 2001:db8::1/64 dev eth0 nodad',
    'route add default dev eth0',
    'route add ::/0 dev eth0',
  )
  return host
}

/** Rules, and what no rule tells: limits of real servers, and the timeouts. */
async function tableOf(host: Host): Promise<string[]> {
  const commands = [['-Sn'], ['-Ln', '--thresholds'], ['-L', '--timeout']]
  const printed: string[] = []
  for (const args of commands) printed.push(await host.run('ipvsadm', args))
  return printed
    .flatMap(text => text.split('\n'))
    .filter(Boolean)
    .sort()
}

/**
 * A copy of the file that means the table which it makes while all real servers are healthy: there are none here.
 */
function whereAllAreHealthy(peer: Peer, name: string): string {
  const copy = join(folder, name)
  cpSync(join(CASES, name), copy, { recursive: true })
  const file = join(copy, FILES[peer])
  writeFileSync(file, HEALTHY[peer](readFileSync(file, 'utf8')), { mode: 0o600 })
  return file
}

const HEALTHY: Record<Peer, (text: string) => string> = {
  // It lets everybody in until a check has failed, but for those services that say `alpha`.
  keepalived: text => text.replace(/^\s*alpha$/gm, ''),
  ldirectord: text =>
    `supervised = yes\n${text}`
      .replace(/^(\s+checktype\s*=\s*)(?!off).*$/gm, '$1on')
      .replace(/^virtual.*$/gm, '$&\n\tchecktype = on')
      // A mail is no part of a table, and nobody here could send it.
      .replace(/^emailalert.*$/gm, ''),
}
