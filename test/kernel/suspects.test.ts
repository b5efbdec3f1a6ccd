import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IpAddress } from '../../agent/model/address.ts'
import type { Change } from '../../agent/reconcile/setting.ts'
import { firstLine } from '../support/first-line.ts'
import { Namespace } from '../support/namespace.ts'
import { VIP } from '../support/real-server.ts'

const LOUD: Change = {
  kind: 'sysctl',
  id: { path: 'net/ipv4/conf/all/arp_ignore' },
  before: '0',
  after: '1',
}
const UNBOUND: Change = {
  kind: 'address',
  id: { link: 'lo', address: VIP as IpAddress, prefixLength: 32 },
  before: null,
  after: { scope: 0, flags: 0 },
}

let here: Namespace
let root: string
beforeEach(async () => {
  here = await Namespace.open()
  root = mkdtempSync(join(tmpdir(), 'rs-agent-suspects-'))
})
afterEach(async () => {
  await here[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})

describe('suspects', () => {
  it('are the programs that change such settings, by name and process id, and not those of other namespaces', async () => {
    await using elsewhere = await Namespace.open()
    const manager = await start(here, { named: 'NetworkManager' })
    const networkd = await start(here, { named: 'systemd-networkd' })
    await start(elsewhere, { named: 'keepalived' })
    await start(here, { named: 'bystander' })
    const found = await suspects(UNBOUND)
    expect(found.map(who => who.split(/[,)]/)[0])).toEqual([
      `NetworkManager (process ${manager}`,
      `systemd-networkd (process ${networkd}`,
    ])
  })

  it('are the lines of files that set a parameter otherwise', async () => {
    write('etc/sysctl.d/99-site.conf', '# ours\n\nnet.ipv4.conf.all.arp_ignore = 0\n')
    write('etc/sysctl.d/90-rs-agent.conf', 'net.ipv4.conf.all.arp_ignore = 0\n')
    write('usr/lib/sysctl.d/50-same.conf', 'net.ipv4.conf.all.arp_ignore = 1\n')
    write('usr/lib/sysctl.d/60-pattern.conf', 'net.ipv4.conf.*.arp_ignore = 8\n')
    expect(await suspects(LOUD)).toEqual([
      'etc/sysctl.d/99-site.conf:3 (sets it to 0)',
      'usr/lib/sysctl.d/60-pattern.conf:1 (sets it to 8)',
    ])
    expect(await suspects(UNBOUND)).toEqual([])
  })

  it('are scripts that name what they undo, before the programs', async () => {
    const ofFile = join(root, 'undo.sh')
    writeFileSync(ofFile, `#!/bin/sh\necho ready\nread _\necho 0 >/proc/sys/net/ipv4/conf/all/arp_ignore\n`)
    const script = await start(here, { command: ['sh', ofFile] })
    const text = await start(here, {
      command: ['sh', '-c', `echo ready; read _; ip addr del ${VIP}/32 dev lo`],
    })
    const tuned = await start(here, { named: 'tuned' })
    const ofSysctl = await suspects(LOUD)
    expect(ofSysctl).toHaveLength(2)
    expect(ofSysctl[0]).toMatch(new RegExp(`^sh ${ofFile} \\(process ${script}\\b.*; names arp_ignore\\)$`))
    expect(ofSysctl[1]).toMatch(new RegExp(`^tuned \\(process ${tuned}\\b`))
    const ofAddress = await suspects(UNBOUND)
    expect(ofAddress).toEqual([
      expect.stringMatching(new RegExp(`^sh \\(process ${text}\\b.*; names ${VIP}\\)$`)),
    ])
  })

  it('are, for addresses, the programs with an rtnetlink socket, last', async () => {
    const monitor = here.spawn('ip', ['monitor', 'address'])
    // It has its socket when it tells of a change.
    const told = firstLine(monitor)
    for (let isTold = false; !isTold; ) {
      await here.ip(`addr add ${VIP}/32 dev lo`, `addr del ${VIP}/32 dev lo`)
      isTold = await Promise.race([told.then(() => true), here.run('true').then(() => false)])
    }
    await start(here, { named: 'dhcpcd' })
    const found = await suspects(UNBOUND)
    expect(found).toHaveLength(2)
    expect(found[0]).toMatch(/^dhcpcd /)
    expect(found[1]).toMatch(/^ip \(process \d+.*; has an rtnetlink socket\)$/)
    expect(await suspects(LOUD)).toEqual([])
  })
})

function write(path: string, content: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), content)
}

/** A program that waits, under the name, or a command that prints a line when it is there; its process id. */
async function start(
  namespace: Namespace,
  program: { named: string } | { command: readonly string[] },
): Promise<number> {
  const isCommand = 'command' in program
  const path = isCommand ? '' : join(root, program.named)
  if (!isCommand) copyFileSync('/bin/cat', path)
  const [command = '', ...args] = isCommand ? program.command : [path, '-']
  const spawned = namespace.spawn(command, args)
  // A cat says back what it hears once it runs.
  if (!isCommand) spawned.stdin.write('ready\n')
  await firstLine(spawned)
  return spawned.pid ?? 0
}

async function suspects(change: Change): Promise<string[]> {
  const program = fileURLToPath(new URL('./suspects-process.ts', import.meta.url))
  return JSON.parse(await here.run(process.execPath, [program, root, JSON.stringify(change)]))
}
