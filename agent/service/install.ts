import { basename } from 'node:path'
import { AgentError, messageOf } from '../errors.ts'
import type { FileForm, Files } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import type { InitSystem, UnitState } from '../host/init-system.ts'
import { revisionOf } from '../model/revision.ts'
import { SERVICE_UNIT, UNIT_NAMES, type UnitName } from '../model/service-units.ts'
import { readFirstLine } from '../realserver/written-by-us.ts'
import { STATE_FOLDER } from '../reconcile/journal.ts'
import { lastWordsOfService, resetFailed } from './unit-state.ts'
import { type Unit, unitPath } from './units.ts'

/** A host that is booted by systemd. */
export interface BootedHost extends Pick<Host, 'files' | 'commands'> {
  initSystem: InitSystem
}

/** What install and uninstall did. */
export interface ServiceChange {
  changed: boolean
  /** Files that were written or removed, as the host has them. */
  files: string[]
  notes: string[]
}

/**
 * Writes the units, has them started at boot, and starts them; settles when the service says that it is ready. What
 * fails is taken back as a whole: throws with the service's own last words, and `undo-incomplete` where that failed
 * as well. `signal` ends it in the same way.
 */
export async function installService(
  host: BootedHost,
  units: readonly Unit[],
  signal: AbortSignal,
): Promise<ServiceChange> {
  const before = await lookAtUnits(host)
  refuseMasked(before)
  const outdated = units.filter(({ name, content }) => before[name].file?.content !== content)
  if (outdated.length === 0 && UNIT_NAMES.every(name => isAtWork(before[name].state)))
    return { changed: false, files: [], notes: [] }
  const notes = outdated.flatMap(unit => keepCopyOfEdit(host.files, unit.name, before[unit.name].file))
  const begunAt = new Date()
  try {
    await putInPlace(host, outdated, before, signal)
  } catch (cause) {
    const words = await lastWordsOfService(host.commands, begunAt)
    await putBack(host, before, cause)
    throw notInstalled(cause, words)
  }
  return { changed: true, files: outdated.map(({ path }) => `/${path}`), notes }
}

/** Stops the service, which leaves this host as it is unless it was told otherwise (`onStop`), and takes the units away. */
export async function uninstallService(host: BootedHost): Promise<ServiceChange> {
  const { files, initSystem, commands } = host
  const before = await lookAtUnits(host)
  const there = UNIT_NAMES.filter(name => before[name].file !== null)
  const notes = there.flatMap(name => keepCopyOfEdit(files, name, before[name].file))
  // The late one first: while it stops, the host is to be silent.
  for (const name of there.toReversed()) {
    await initSystem.stop(name)
    if (before[name].state?.enabled === true) await initSystem.disable(name)
    files.remove(unitPath(name))
  }
  if (there.length > 0) {
    await initSystem.readFilesAgain()
    await resetFailed(commands, there)
  }
  const paths = there.map(name => `/${unitPath(name)}`)
  return { changed: there.length > 0, files: paths, notes: [...notes, ...tellOfDropIns(files)] }
}

type Before = Record<UnitName, { file: FileForm | null; state: UnitState | null }>

async function lookAtUnits({ files, initSystem }: BootedHost): Promise<Before> {
  const states = await initSystem.states(UNIT_NAMES)
  const isMasked = (index: number): boolean => states[index]?.masked === true
  return Object.fromEntries(
    UNIT_NAMES.map((name, index) => [
      name,
      // A unit is masked by a link to /dev/null in the place of its file.
      { file: isMasked(index) ? null : files.read(unitPath(name)), state: states[index] ?? null },
    ]),
  ) as Before
}

function refuseMasked(before: Before): void {
  const masked = UNIT_NAMES.find(name => before[name].state?.masked === true)
  if (masked !== undefined)
    throw new AgentError(
      'failed',
      `${masked} is masked: an administrator forbade to start it`,
      `systemctl unmask ${masked}`,
    )
}

function isAtWork(state: UnitState | null): boolean {
  return state?.enabled === true && state.active
}

async function putInPlace(
  { files, initSystem }: BootedHost,
  outdated: readonly Unit[],
  before: Before,
  signal: AbortSignal,
): Promise<void> {
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  for (const { path, content } of outdated) files.write(path, { content, mode: 0o644, ...owner })
  await initSystem.readFilesAgain()
  // It goes on with its old unit until it is started anew; nothing of this host changes meanwhile.
  if (outdated.some(({ name }) => name === SERVICE_UNIT) && before[SERVICE_UNIT].state?.active === true)
    await initSystem.stop(SERVICE_UNIT)
  for (const name of UNIT_NAMES) {
    signal.throwIfAborted()
    await initSystem.enable(name)
    await initSystem.start(name)
  }
  signal.throwIfAborted()
}

async function putBack(host: BootedHost, before: Before, cause: unknown): Promise<void> {
  const { files, initSystem, commands } = host
  try {
    for (const name of UNIT_NAMES.toReversed()) {
      const { file, state } = before[name]
      await initSystem.stop(name)
      if (state?.enabled !== true) await initSystem.disable(name)
      if (file === null) files.remove(unitPath(name))
      else files.write(unitPath(name), file)
    }
    await initSystem.readFilesAgain()
    await resetFailed(commands, UNIT_NAMES)
    for (const name of UNIT_NAMES) if (before[name].state?.active === true) await initSystem.start(name)
  } catch (error) {
    throw new AgentError(
      'undo-incomplete',
      `the service was not installed (${messageOf(cause)}), and could not be taken back: ${messageOf(error)}`,
      '`rs-agent service uninstall` takes away what is left',
      error,
    )
  }
}

function notInstalled(cause: unknown, words: string): AgentError {
  // `signal.throwIfAborted()` throws the name of the signal.
  const why = typeof cause === 'string' ? `interrupted by ${cause}` : messageOf(cause)
  const said = words === '' ? '' : `; it said: ${words}`
  return new AgentError(
    'failed',
    `the service was not installed, everything is undone: ${why}${said}`,
    '`rs-agent run` in the foreground shows what it does',
    cause,
  )
}

/** What somebody has written into a file of ours, or had there before us, is kept, and told. */
function keepCopyOfEdit(files: Files, name: UnitName, file: FileForm | null): string[] {
  if (file === null || readFirstLine(file.content)?.isAsWritten === true) return []
  const copy = `${STATE_FOLDER}/replaced/${basename(name)}-${revisionOf(file.content)}`
  files.write(copy, { ...file, mode: 0o600 })
  return [
    `/${unitPath(name)} was changed by hand: there is a copy in /${copy}; changes that shall stay belong into \`systemctl edit ${name}\` or into a template of your own, in /etc/rs-agent/templates/systemd`,
  ]
}

function tellOfDropIns(files: Files): string[] {
  return UNIT_NAMES.map(name => `${unitPath(name)}.d`)
    .filter(folder => files.list(folder).length > 0)
    .map(folder => `/${folder} is not of rs-agent and stays`)
}
