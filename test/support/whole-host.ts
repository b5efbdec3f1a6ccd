import type { DebianHost } from './debian-host.ts'

/** All of a host that somebody may miss: a line for each file, unit, process, package and setting. */
export type WholeHost = readonly string[]

/** What is only memory of what happened: logs, caches, and what apt and dpkg know. */
const MEMORY = [
  '/var/log',
  '/var/cache',
  '/var/lib/apt',
  '/var/lib/dpkg',
  '/var/lib/ucf',
  '/var/lib/systemd',
  '/etc/ld.so.cache',
]

/**
 * By the host's own programs. A file of /usr by its size and time, as nobody edits it; any other by its content.
 */
export async function takeWholeHost(host: DebianHost): Promise<WholeHost> {
  const output = await host.run('sh', ['-c', SCRIPT])
  return output
    .split('\n')
    .filter(line => !IGNORED.test(line))
    .toSorted()
}

const PRUNED = `\\( ${MEMORY.map(path => `-path ${path}`).join(' -o ')} \\) -prune`
const SCRIPT = `
  find / -xdev ${PRUNED} -o -printf 'file %p %y %m %U:%G %l\\n'
  find / -xdev ${PRUNED} -o -path /usr -type f -printf 'content %p %s %T@\\n'
  find / -xdev ${PRUNED} -o -path /usr -prune -o -type f -printf '%p\\0' | xargs -0 sha256sum | sed 's/^/content /'
  systemctl list-unit-files --plain --no-legend | sed 's/^/unit /'
  systemctl list-units --all --type=service,socket,mount --plain --no-legend --state=active,failed | sed 's/^/running /'
  ps -eo comm= | sed 's/^/process /'
  dpkg --get-selections | sed 's/^/package /'
  ip -o address | sed 's/^/address /'
  ip route show table all | sed 's/^/route /'
  grep -r --include='arp_*' '' /proc/sys/net/ipv4/conf | sed 's/^/sysctl /'
  ss -Hltnu | sed 's/^/listener /'
`
/** The programs that look; and what systemd mounts for a moment when it starts a service. */
const IGNORED = /^$|^process (?:sh|ps|sed|sudo)$|^running run-credentials-/

/** One line for each thing that is only in one of the two. */
export function differencesOf(before: WholeHost, after: WholeHost): string[] {
  const had = new Set(before)
  const has = new Set(after)
  return [
    ...before.filter(line => !has.has(line)).map(line => `- ${line}`),
    ...after.filter(line => !had.has(line)).map(line => `+ ${line}`),
  ]
}
