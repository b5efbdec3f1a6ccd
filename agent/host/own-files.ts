import { closeSync, constants, existsSync, openSync, realpathSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sea from 'node:sea'
import { AgentError, messageOf } from '../errors.ts'

/**
 * What comes with the program: its addons and templates. The only one that knows where they are: at the top of the
 * tree when the sources are run, beside the program when it is bundled, inside it when it is a single executable.
 */

/** An addon of npm netlink's, or of native/. */
export type OwnAddon = 'netlink.node' | 'rs-agent.node'

/** A single executable has no file that could be read: it gives the bytes. */
export type OwnFile = { kind: 'on disk'; path: string } | { kind: 'inside'; bytes: Uint8Array }

const isSingleExecutable = sea.isSea()

/** Where the program lies, be it a link that it was started by. */
const folder = import.meta.dirname
const isFromSources = import.meta.filename.endsWith('.ts')

/** @param name as in dist/, such as `templates/nfs/rs-agent.mount`; throws when a single executable has none of it */
export function ownFile(name: string): OwnFile {
  if (isSingleExecutable) return { kind: 'inside', bytes: assetOf(name) }
  if (!isFromSources) return { kind: 'on disk', path: join(folder, name) }
  // All other files are made by the build.
  const top = name.startsWith('templates/') ? '../..' : '../../dist'
  return { kind: 'on disk', path: join(folder, top, name) }
}

/** Loads it; throws what dlopen(3) says. */
export function loadOwnAddon(name: OwnAddon): unknown {
  if (isSingleExecutable) return loadFromMemory(name)
  return load(isFromSources ? join(folder, '../../native/addon', name) : addonOfBundle(name))
}

/** The words that start this program once more, with absolute paths. */
export function ownCommand(): readonly string[] {
  if (isSingleExecutable) return [process.execPath]
  const program = process.argv[1] ?? ''
  const launcher = join(dirname(program), LAUNCHER)
  // Where a package chooses the runtime, the choice is made anew at each start.
  return existsSync(launcher) ? [realpathSync(launcher)] : [process.execPath, program]
}

/** Of a package: a link beside the program to what its users call. */
const LAUNCHER = 'launcher'

function addonOfBundle(name: OwnAddon): string {
  const beside = join(folder, name)
  if (existsSync(beside)) return beside
  // As napi-rs has it: npm installs, of the packages with addons, the one that was made for this machine.
  return createRequire(import.meta.url).resolve(`@rs-agent/linux-${process.arch}-gnu/${name}`)
}

function load(path: string): unknown {
  const addon = { exports: {} }
  process.dlopen(addon, path)
  return addon.exports
}

/**
 * dlopen(3) wants a file: one without a name, that nobody else can reach and that goes with this process. Of the
 * folders for temporary files the first one serves that may hold programs (no `noexec`).
 */
function loadFromMemory(name: OwnAddon): unknown {
  const bytes = assetOf(name)
  const refusals: string[] = []
  for (const place of new Set([tmpdir(), '/dev/shm', '/tmp', '/var/tmp', '/run'])) {
    try {
      return loadFrom(place, bytes)
    } catch (error) {
      refusals.push(`${place}: ${messageOf(error)}`)
    }
  }
  throw new AgentError(
    'unsupported',
    `cannot load ${name}: ${refusals.join('; ')}`,
    'set TMPDIR to a folder that may be written, and holds programs (not mounted noexec)',
  )
}

function loadFrom(place: string, bytes: Uint8Array): unknown {
  const file = openSync(place, constants.O_RDWR | O_TMPFILE, 0o600)
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
    const addon = load(`/proc/self/fd/${file}`)
    // It stays open: by the name of its path, used once more, dlopen would give this addon for the other one.
    keptOpen.push(file)
    return addon
  } finally {
    if (!keptOpen.includes(file)) closeSync(file)
  }
}

const keptOpen: number[] = []

/** include/uapi/asm-generic/fcntl.h: __O_TMPFILE | O_DIRECTORY; Node.js does not name it. */
const O_TMPFILE = 0o20_000_000 | constants.O_DIRECTORY

function assetOf(name: string): Uint8Array {
  return new Uint8Array(sea.getRawAsset(name))
}
