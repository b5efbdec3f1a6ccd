import { distributionOf } from '../host/distribution.ts'
import type { FileForm, FoundFolder } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import type { FoundWebServer, WebServerQuestion } from '../host/web-servers.ts'
import type { Distribution, WebServerName } from '../model/distribution.ts'
import { FSTAB, fstabLineOf } from '../model/fstab.ts'
import { isRemote, type Mount, topmostAt } from '../model/mount.ts'
import type { InterfaceAddress, Link } from '../model/network.ts'
import { present } from './present.ts'
import type { Setting } from './setting.ts'

/** What a web server and its shares are made of. */
export interface FoundServing {
  mounts: Mount[]
  /** Only those that were asked for and exist. What another host serves is not looked at: it may be dead. */
  folders: Record<string, FoundFolder | { kind: 'remote' }>
  /** Those that were asked for and are started at boot. */
  bootUnits: string[]
  /** Of fstab(5), by target. */
  fstabLines: Record<string, string>
  webServers: Partial<Record<WebServerName, FoundWebServer>>
  /** Null for one that is not in the table. */
  distribution: Distribution | null
  /** What mounts and starts at boot: systemd, when somebody comes or, without automounts, at once. */
  init: 'systemd' | 'systemd without automounts' | 'none'
}

export interface ServingInterest {
  /** Targets of mounts, and folders that may be ours. */
  folders: string[]
  bootUnits: string[]
  webServers(found: Surroundings): WebServerQuestion[]
}

/** What was found before, by which a web server is asked. */
export interface Surroundings {
  links: Link[]
  addresses: InterfaceAddress[]
  files: Record<string, FileForm>
}

export async function observeServing(
  host: Host,
  { folders, bootUnits, webServers }: ServingInterest,
  found: Surroundings,
): Promise<FoundServing> {
  const mounts = host.mounts.list()
  const states = (await host.initSystem?.states(bootUnits)) ?? []
  const fstab = host.files.readText(FSTAB) ?? ''
  const distribution = distributionOf(host.files)
  const questions = distribution === null ? [] : webServers(found)
  const servers = questions.map(async question => {
    const place = (distribution as Distribution).webServers[question.server]
    return [question.server, await host.webServers.find(place, question)] as const
  })
  return {
    mounts,
    folders: present(folders, path =>
      isRemote(mounts, path) ? ({ kind: 'remote' } as const) : host.files.folder(path),
    ),
    bootUnits: bootUnits.filter((_, index) => states[index]?.enabled === true),
    fstabLines: present(folders, target => fstabLineOf(fstab, target)),
    webServers: Object.fromEntries(await Promise.all(servers)),
    distribution,
    init: initOf(host),
  }
}

function initOf({ initSystem }: Host): FoundServing['init'] {
  if (initSystem === null) return 'none'
  return initSystem.automounts ? 'systemd' : 'systemd without automounts'
}

export function settingsOfServing(serving: FoundServing | undefined): Setting[] {
  if (serving === undefined) return []
  const { mounts, folders, bootUnits, fstabLines, webServers } = serving
  return [
    ...Object.keys(folders).map((path): Setting => ({ kind: 'folder', id: { path }, value: 'there' })),
    ...[...new Set(mounts.map(({ target }) => target))].flatMap((target): Setting[] => {
      const mount = topmostAt(mounts, target)
      if (mount === null) return []
      const { source, type, options } = mount
      return [{ kind: 'mount', id: { target }, value: { source, type, options } }]
    }),
    ...bootUnits.map((name): Setting => ({ kind: 'boot-unit', id: { name }, value: 'enabled' })),
    ...Object.entries(fstabLines).map(
      ([target, value]): Setting => ({ kind: 'fstab-line', id: { target }, value }),
    ),
    ...Object.entries(webServers).map(([server, { enabled, running, site }]): Setting => {
      const value = { enabled, running, site }
      return { kind: 'web-server', id: { server: server as WebServerName }, value }
    }),
  ]
}
