import { AgentError } from '../errors.ts'
import { distributionOf } from '../host/distribution.ts'
import type { Host } from '../host/host.ts'
import type { WebServerForm } from '../host/web-servers.ts'
import type { WebServerName, WebServerPlace } from '../model/distribution.ts'
import { FSTAB, FSTAB_HEAD, withFstabLine } from '../model/fstab.ts'
import type { Change } from './setting.ts'

/** What a web server and its shares are made of. */
type Serving = Change & {
  kind: 'site' | 'unit-file' | 'folder' | 'mount' | 'fstab-line' | 'boot-unit' | 'web-server'
}

export async function changeServing(host: Host, change: Serving): Promise<void> {
  switch (change.kind) {
    case 'site':
      return writeSite(host, change)
    case 'unit-file':
      return writeUnitFile(host, change)
    case 'folder':
      return change.after === null
        ? host.files.removeFolder(change.id.path)
        : host.files.makeFolder(change.id.path)
    case 'mount':
      if (change.before !== null) await host.mounts.unmount(change.id.target)
      if (change.after !== null) await host.mounts.mount(change.id.target, change.after)
      return
    case 'fstab-line':
      return writeFstabLine(host, change)
    case 'boot-unit':
      return switchBootUnit(host, change)
    case 'web-server':
      return changeWebServer(host, change)
    default:
      change satisfies never
  }
}

/** The server judges all of its configuration, once the new part is in its place. */
async function writeSite(
  host: Host,
  { id: { server, path }, after }: Change & { kind: 'site' },
): Promise<void> {
  if (after === null) return host.files.remove(path)
  host.files.write(path, after)
  await host.webServers.test(placeOf(host, server))
}

async function writeUnitFile({ files, initSystem }: Host, { id, after }: Change & { kind: 'unit-file' }) {
  if (after === null) files.remove(id.path)
  else files.write(id.path, after)
  await initSystem?.readFilesAgain()
}

function writeFstabLine({ files }: Host, { id: { target }, after }: Change & { kind: 'fstab-line' }): void {
  const form = files.read(FSTAB)
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  const { content, ...rest } = form ?? { content: FSTAB_HEAD, mode: 0o644, ...owner }
  const text = withFstabLine(content, target, after)
  // An empty one that was there stays.
  if (text === FSTAB_HEAD) files.remove(FSTAB)
  else files.write(FSTAB, { content: text, ...rest })
}

async function switchBootUnit({ initSystem }: Host, { id: { name }, after }: Change & { kind: 'boot-unit' }) {
  if (initSystem === null)
    throw new AgentError('unsupported', `${name}: systemd does not run here`, 'is this the booted host?')
  if (after !== null) return initSystem.enable(name)
  await initSystem.disable(name)
  // Since the last boot it may wait for whoever comes, and would mount once more.
  await initSystem.stop(name)
}

const STOPPED: WebServerForm = { enabled: false, running: false, site: null }

async function changeWebServer(
  host: Host,
  { id, before, after }: Change & { kind: 'web-server' },
): Promise<void> {
  await host.webServers.change(placeOf(host, id.server), before ?? STOPPED, after ?? STOPPED)
}

function placeOf({ files }: Host, server: WebServerName): WebServerPlace {
  const distribution = distributionOf(files)
  if (distribution === null)
    throw new AgentError('unsupported', `this distribution's ${server} is not known`, 'see /etc/os-release')
  return distribution.webServers[server]
}
