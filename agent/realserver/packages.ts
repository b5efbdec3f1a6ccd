import { isDeepStrictEqual } from 'node:util'
import { AgentError } from '../errors.ts'
import { distributionOf } from '../host/distribution.ts'
import type { Files } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import { openPackages, type Packages, type PackageWatching } from '../host/packages.ts'
import type { Distribution } from '../model/distribution.ts'
import type { Watching } from '../reconcile/converge.ts'
import { REAL_SERVER } from '../reconcile/role.ts'
import { forgetState, NOTHING_MANAGED, readState, writeState } from '../reconcile/state.ts'
import type { WantedRealServer } from './desired.ts'
import { areServicesHeldBack, holdServicesBack, letServicesStart } from './start-guard.ts'

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
  const { packages: known } = readState(host.files, REAL_SERVER)
  holdServicesBack(host)
  try {
    await finishParts(packages, known, { onLine })
    const expected = await packages.expected(names)
    const there = await packages.touched(expected)
    const coming = expected.filter(name => !there.has(name))
    // Before the first of them comes: whatever ends this run, remove --purge knows whose they are.
    await rememberPackages(host, [...known, ...coming])
    const came = await packages.install(names, { onLine }).catch(async error => {
      // Where one of them has begun to come, the others come when that is finished.
      const { size: begun } = await packages.touched(coming)
      await rememberPackages(host, begun === 0 ? known : [...known, ...coming])
      throw error
    })
    await rememberPackages(host, [...known, ...came])
    await leaveStopped(host, distribution, [...names, ...came])
  } finally {
    letServicesStart(host)
  }
}

/** What an earlier run could install only in part: the disk was full, say. */
async function finishParts(
  packages: Packages,
  known: readonly string[],
  watching: PackageWatching,
): Promise<void> {
  const touched = await packages.touched(known)
  const installed = await packages.installed(known)
  if (touched.size > installed.size) await packages.finish(watching)
}

/**
 * What a run that was killed while it installed packages has left is brought to its end, before anything else: until
 * then no package tool does anything, and no other package of this host starts its services. Gives what to say of it.
 */
export async function finishInstallation(host: Host, watching: Watching): Promise<string[]> {
  if (!areServicesHeldBack(host)) return []
  const distribution = distributionOf(host.files)
  const packages = distribution === null ? null : await openPackages(host.commands, distribution.tools)
  if (distribution !== null && packages !== null) {
    const { packages: names } = readState(host.files, REAL_SERVER)
    const onLine = tellLines(host, names, watching)
    onLine(`${packages.tool} finishes an installation that was killed`)
    await packages.finish({ onLine })
    // Some of those that were expected may never have come.
    await rememberPackages(host, [...(await packages.installed(names))])
    await leaveStopped(host, distribution, names)
  }
  letServicesStart(host)
  return ['an installation of packages that was killed is finished now']
}

/** For those who only look. */
export function tellOfInstallation(host: Host): string[] {
  if (!areServicesHeldBack(host)) return []
  return ['an installation of packages is under way, or was killed: apply finishes it']
}

export interface Purged {
  gone: string[]
  /** What the user should know beside. */
  notes: string[]
}

/** Those that apply installed, when nothing of the role is left that needs them. */
export async function purgePackages(
  host: Host,
  names: readonly string[],
  watching: Watching,
): Promise<Purged> {
  const distribution = distributionOf(host.files)
  if (distribution === null) return { gone: [], notes: [] }
  const packages = await packagesHere(host, distribution, names)
  const onLine = tellLines(host, names, watching)
  await finishParts(packages, names, { onLine })
  const installed = await packages.installed(names)
  const left = names.filter(name => installed.has(name))
  const { gone, staying, neededBy } = await packages.remove(left, { onLine })
  await rememberPackages(host, [])
  const by = neededBy.length === 0 ? 'other packages need them by now' : `needed by ${neededBy.join(', ')}`
  return {
    gone,
    notes: staying.length === 0 ? [] : [`packages stay installed: ${staying.join(', ')}; ${by}`],
  }
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
  const state = { ...readState(host.files, REAL_SERVER), packages: [...new Set(names)] }
  if (isDeepStrictEqual(state, NOTHING_MANAGED)) forgetState(host.files, REAL_SERVER)
  else await writeState(host.files, REAL_SERVER, state)
}

/**
 * A package has its server started at the next boot, and at once where somebody else's policy lets it: until ours is
 * configured nothing shall. A server that an earlier run configured is not what came just now.
 */
async function leaveStopped(
  { initSystem, files }: Host,
  { webServers, rpcbindPackage }: Distribution,
  names: readonly string[],
): Promise<void> {
  if (initSystem === null) return
  const { priors } = readState(files, REAL_SERVER)
  const isManaged = (server: string): boolean =>
    priors.some(({ kind, id }) => kind === 'web-server' && id.server === server)
  const servers = Object.entries(webServers).flatMap(([server, place]) =>
    names.includes(place.package) && !isManaged(server) ? [`${place.unit}.service`] : [],
  )
  const units = [...servers, ...(names.includes(rpcbindPackage) ? RPCBIND_UNITS : [])]
  const states = await initSystem.states(units)
  for (const [index, unit] of units.entries()) {
    if (states[index]?.enabled === true) await initSystem.disable(unit)
    if (states[index]?.active === true) await initSystem.stop(unit)
  }
}

/**
 * It comes along with the NFS client, and answers on every address, the VIP too. A share that needs it, of version 3 with
 * locks, has it started by rpc-statd.service, which requires the socket. The socket goes first, or it starts the other.
 */
const RPCBIND_UNITS = ['rpcbind.socket', 'rpcbind.service']

/** Into the log, as far as there is room for it, and where the user sees how far it is. */
function tellLines(
  { files }: Host,
  names: readonly string[],
  { onProgress }: Watching,
): (line: string) => void {
  const log = openLog(files)
  return line => {
    log(`${new Date().toISOString()} ${line}\n`)
    onProgress({ phase: 'install', made: 0, total: names.length, detail: line })
  }
}

/** A full disk there is no reason to end in the middle of an installation. */
function openLog(files: Files): (text: string) => void {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  let isWritable = true
  const attempt = (write: () => void): void => {
    if (!isWritable) return
    try {
      write()
    } catch {
      isWritable = false
    }
  }
  attempt(() => {
    if (files.readText(LOG) === null) files.write(LOG, { content: '', mode: 0o640, ...owner })
  })
  return text => attempt(() => files.append(LOG, text))
}
