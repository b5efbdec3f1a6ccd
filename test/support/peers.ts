import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'
import { unpackedEnvironment } from './unpacked-tools.ts'

/** What else keeps only healthy real servers in the kernel's table; both as Debian has them. */
export type Peer = 'keepalived' | 'ldirectord'
/** The one that keeps addresses bound is keepalived as well: its other half. */
type Program = Peer | 'keepalived of addresses'

/** Starts it on a host, with a configuration file given by its absolute path. It ends with SIGKILL, and all of it. */
export function startPeer(peer: Program, host: Host, file: string): Spawned {
  // A process namespace of its own: where its first process is killed, those that it forked go too.
  const alone = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  // Their process ids, and what they log, stay theirs.
  const script = 'mount -t tmpfs run /run; mount -t tmpfs log /var/log; exec "$@"'
  const command = ['sh', '-euc', script, 'sh', ...COMMANDS[peer](file)]
  return host.spawn('unshare', [...alone, ...command], { input: '', env: unpackedEnvironment('peers') })
}

/** With its text in a file that goes with this process. */
export function startPeerWith(peer: Program, host: Host, text: string): Spawned {
  const folder = mkdtempSync(join(tmpdir(), `rs-agent-${peer}-`))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'configuration')
  writeFileSync(file, text, { mode: 0o600 })
  return startPeer(peer, host, file)
}

const COMMANDS: Record<Program, (file: string) => string[]> = {
  // Its checks alone, no VRRP.
  keepalived: file => keepalived('--check', file),
  'keepalived of addresses': file => keepalived('--vrrp', file),
  // It stays in the foreground where the file says `supervised = yes`.
  ldirectord: file => ['ldirectord', file, 'start'],
}

function keepalived(part: string, file: string): string[] {
  return ['keepalived', part, '--dont-fork', '--log-console', '--no-syslog', '-D', '-f', file]
}
