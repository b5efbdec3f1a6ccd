import { AgentError } from '../errors.ts'
import { distributionOf } from '../host/distribution.ts'
import type { Host } from '../host/host.ts'
import { openPackages, type Packages } from '../host/packages.ts'
import type { Distribution } from '../model/distribution.ts'
import type { Watching } from '../reconcile/converge.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { readState, writeState } from '../reconcile/state.ts'
import type { WantedRealServer } from './desired.ts'
import { holdServicesBack, letServicesStart } from './start-guard.ts'

/**
 * Packages are installed before the host is looked at for anything else: they bring the configuration that ours goes
 * beside. Nothing that they bring is started by them, so that a run that fails later leaves a host on which nothing
 * serves; and they stay, as a package more changes nothing that a client sees.
 */
const LOG = 'var/log/rs-agent/packages.log'

/** Names of the packages that the configuration needs, as the distribution calls them. */
export function packagesOf({ httpd, nfs }: WantedRealServer, distribution: Distribution): string[] {
  return [
    ...(httpd === null ? [] : [distribution.webServers[httpd.server].package]),
    ...(nfs.length === 0 ? [] : [distribution.nfsPackage]),
  ]
}

/** What is not installed; none where the packages are somebody else's matter. */
export async function missingPackages(host: Host, wanted: WantedRealServer): Promise<string[]> {
  if (wanted.packages === 'leave' || (wanted.httpd === null && wanted.nfs.length === 0)) return []
  const distribution = distributionOf(host.files)
  if (distribution === null) return []
  const names = packagesOf(wanted, distribution)
  const installed = await (await packagesHere(host, distribution, names)).installed(names)
  return names.filter(name => !installed.has(name))
}

/** All of them or none; throws with the tool's own words, with nothing else of the host touched. */
export async function installPackages(
  host: Host,
  names: readonly string[],
  watching: Watching,
): Promise<void> {
  const distribution = distributionOf(host.files)
  if (distribution === null) return
  const packages = await packagesHere(host, distribution, names)
  const onLine = tellLines(host, names, watching)
  onLine(`${packages.tool} installs ${names.join(', ')}`)
  holdServicesBack(host)
  try {
    const came = await packages.install(names, { onLine })
    // Before anything else: whatever ends this run, remove --purge knows whose they are.
    await rememberPackages(host, came)
    await leaveStopped(host, distribution, names)
  } finally {
    letServicesStart(host)
  }
}

/** Those that apply installed, when nothing of the role is left that needs them. */
export async function purgePackages(host: Host, names: readonly string[], watching: Watching): Promise<void> {
  const distribution = distributionOf(host.files)
  if (distribution === null) return
  const packages = await packagesHere(host, distribution, names)
  const installed = await packages.installed(names)
  const left = names.filter(name => installed.has(name))
  if (left.length > 0) await packages.remove(left, { onLine: tellLines(host, left, watching) })
}

async function packagesHere(
  host: Host,
  { title, tools }: Distribution,
  names: readonly string[],
): Promise<Packages> {
  const packages = await openPackages(host.commands, tools)
  if (packages !== null) return packages
  throw new AgentError(
    'unsupported',
    `this looks like ${title}, but there is no ${tools.join(' and no ')}`,
    `install ${names.join(' and ')} some other way, and write \`packages: leave\` beside vips`,
  )
}

async function rememberPackages(host: Host, names: readonly string[]): Promise<void> {
  const state = readState(host.files, REAL_SERVER)
  await writeState(host.files, REAL_SERVER, {
    ...state,
    packages: [...new Set([...state.packages, ...names])],
  })
}

/** A package may have its server started at the next boot: until ours is configured nothing shall. */
async function leaveStopped(
  { initSystem }: Host,
  { webServers }: Distribution,
  names: readonly string[],
): Promise<void> {
  if (initSystem === null) return
  const units = Object.values(webServers).flatMap(place =>
    names.includes(place.package) ? [`${place.unit}.service`] : [],
  )
  const states = await initSystem.states(units)
  for (const [index, unit] of units.entries())
    if (states[index]?.enabled === true) await initSystem.disable(unit)
}

/** Into the log, and where the user sees how far it is. */
function tellLines(
  { files }: Host,
  names: readonly string[],
  { onProgress }: Watching,
): (line: string) => void {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  if (files.readText(LOG) === null) files.write(LOG, { content: '', mode: 0o640, ...owner })
  return line => {
    files.append(LOG, `${new Date().toISOString()} ${line}\n`)
    onProgress({ phase: 'install', made: 0, total: names.length, detail: line })
  }
}
