import type { FoundWebServer } from '../../agent/host/web-servers.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { DISTRIBUTIONS } from '../../agent/model/distribution.ts'
import { parseFstabLine } from '../../agent/model/fstab.ts'
import type { FoundServing } from '../../agent/reconcile/found-serving.ts'

/** The half of a case's host that serves pages, as a person writes it: a Debian, with systemd unless told, where no web server runs. */
export interface ShortServing {
  init?: FoundServing['init']
  /** `/var/www/html: [index.html]`: what is in a folder; `{ link: /srv }`, or null for what is no folder. */
  folders?: Record<string, string[] | { link: string } | null>
  /** `10.10.10.40:/srv/www /var/www/html nfs4 ro,vers=4.2`. */
  mounts?: string[]
  /** Of fstab(5). */
  fstab?: string[]
  /** `10.10.10.12:80 by python3 712`. */
  portTakenBy?: string
}

export function readServing(short: ShortServing): FoundServing {
  const webServer = readWebServer(short)
  return {
    distribution: DISTRIBUTIONS.debian,
    init: short.init ?? 'systemd',
    bootUnits: [],
    folders: Object.fromEntries(
      Object.entries(short.folders ?? {}).map(([path, sight]) => [path, readFolder(sight)]),
    ),
    mounts: (short.mounts ?? []).map(line => {
      const [source = '', target = '', type = '', options = ''] = line.split(' ')
      return { source, target, type, options }
    }),
    fstabLines: Object.fromEntries((short.fstab ?? []).map(line => [parseFstabLine(line).target, line])),
    webServers: { apache: webServer, nginx: webServer },
  }
}

function readFolder(sight: string[] | { link: string } | null): FoundServing['folders'][string] {
  if (sight === null) return { kind: 'other' }
  return Array.isArray(sight) ? { kind: 'folder', entries: sight } : { kind: 'link', to: sight.link }
}

function readWebServer({ portTakenBy }: ShortServing): FoundWebServer {
  return {
    enabled: false,
    running: false,
    site: null,
    listens: [],
    isMasked: false,
    isThere: true,
    portTakenBy: portTakenBy === undefined ? [] : [readOwner(portTakenBy)],
  }
}

function readOwner(text: string): FoundWebServer['portTakenBy'][number] {
  const [, address = '', name = '', pid] = /^(.*):\d+ by (\S+) (\d+)$/.exec(text) ?? []
  return { address: address as IpAddress, process: { name, pid: Number(pid) } }
}
