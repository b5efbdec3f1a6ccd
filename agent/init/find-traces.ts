import { messageOf } from '../errors.ts'
import type { Files } from '../host/files.ts'
import { SYSCTL_CONF, SYSCTL_FOLDERS } from '../realserver/verify/boot-sysctl.ts'
import type { Trace, TraceReader } from './trace.ts'
import { directorToolTraces } from './traces/director-tool.ts'
import { ifcfgTraces } from './traces/ifcfg.ts'
import { interfacesTraces } from './traces/interfaces.ts'
import { netplanTraces } from './traces/netplan.ts'
import { shellTraces } from './traces/shell.ts'
import { sysctlFileTraces } from './traces/sysctl-file.ts'
import { unitFileTraces } from './traces/unit-file.ts'

interface Place {
  /** Below the root: a file, or a folder with the names in it that count. */
  path: string
  names?: RegExp
  read: TraceReader
}

/** Where published guides have people set up a real server by hand, and where a director's tools are told. */
const PLACES: readonly Place[] = [
  ...['etc/rc.local', 'etc/rc.d/rc.local', 'etc/conf.d/local.start'].map(path => ({
    path,
    read: shellTraces,
  })),
  ...[
    'etc/init.d',
    'etc/rc.d/init.d',
    'etc/local.d',
    'etc/network/if-up.d',
    'etc/network/if-pre-up.d',
    'etc/networkd-dispatcher/routable.d',
    'etc/NetworkManager/dispatcher.d',
    'usr/local/bin',
    'usr/local/sbin',
  ].map(path => ({ path, names: /^[^.]/, read: shellTraces })),
  { path: 'etc/systemd/system', names: /\.service$/, read: shellTraces },
  { path: SYSCTL_CONF, read: sysctlFileTraces },
  // Not those of our own.
  ...SYSCTL_FOLDERS.map(path => ({ path, names: /^(?!90-rs-agent).*\.conf$/, read: sysctlFileTraces })),
  { path: 'etc/network/interfaces', read: interfacesTraces },
  { path: 'etc/network/interfaces.d', names: /^[\w-]+$/, read: interfacesTraces },
  { path: 'etc/sysconfig/network-scripts', names: /^ifcfg-lo/, read: ifcfgTraces },
  { path: 'etc/sysconfig/network', names: /^ifcfg-lo/, read: ifcfgTraces },
  { path: 'etc/systemd/network', names: /\.network$/, read: unitFileTraces },
  { path: 'etc/NetworkManager/system-connections', names: /./, read: unitFileTraces },
  { path: 'etc/netplan', names: /\.yaml$/, read: netplanTraces },
  ...[
    'etc/keepalived/keepalived.conf',
    'etc/ha.d/ldirectord.cf',
    'etc/ha.d/conf/ldirectord.cf',
    'etc/ldirectord.cf',
    'etc/ipvsadm.rules',
    'etc/sysconfig/ipvsadm',
  ].map(path => ({ path, read: directorToolTraces })),
]

/** No script that sets up an address is longer; a program in its place is. */
const MAX_BYTES = 256 * 1024

export interface FoundTraces {
  /** Every line of the host's files that has to do with a VIP. */
  traces: Trace[]
  /** Files and folders that may have some, and could not be read: `/etc/netplan/50.yaml: why`. */
  unread: string[]
}

/** Reads, and changes nothing. */
export function findTraces(files: Pick<Files, 'list' | 'readText' | 'identity'>): FoundTraces {
  const unread: string[] = []
  const orUnread = <T>(path: string, look: () => T): T | null => {
    try {
      return look()
    } catch (error) {
      unread.push(`/${path}: ${messageOf(error)}`)
      return null
    }
  }
  // Of links to one another: /etc/rc.local and rc.d/rc.local (Red Hat), sysctl.conf and sysctl.d/99-sysctl.conf (Debian).
  const seen = new Set<string>()
  const traces = PLACES.flatMap(({ path: place, names, read }) =>
    (orUnread(place, () => pathsAt(files, place, names)) ?? []).flatMap(path => {
      const identity = orUnread(path, () => files.identity(path))
      if (identity === null || seen.has(identity)) return []
      seen.add(identity)
      const text = orUnread(path, () => files.readText(path, { upToBytes: MAX_BYTES }) ?? '\0')
      if (text === null) return []
      if (!text.includes('\0')) return read(text, path)
      // In a folder of programs most are no scripts.
      if (names === undefined) unread.push(`/${path}: it is no text of up to ${MAX_BYTES / 1024} KiB`)
      return []
    }),
  )
  return { traces, unread }
}

function pathsAt(files: Pick<Files, 'list'>, path: string, names: RegExp | undefined): string[] {
  if (names === undefined) return [path]
  return files
    .list(path)
    .filter(name => names.test(name))
    .map(name => `${path}/${name}`)
}
