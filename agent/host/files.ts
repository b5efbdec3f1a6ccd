import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { AgentError, hasErrno, messageOf } from '../errors.ts'

/** A file as it can be put back: text, permission bits and owner. */
export interface FileForm {
  content: string
  /** Permission bits, 0o644. */
  mode: number
  uid: number
  gid: number
}

/** What is at a path where a folder is looked for. */
export type FoundFolder =
  /** A few of the names in it, sorted; none when it is empty. */
  | { kind: 'folder'; entries: string[] }
  /** It, or a folder on the way to it, is a link: the kernel knows it by another path. */
  | { kind: 'link'; to: string }
  | { kind: 'other' }

/** The files below the root (`--root`), by path without the leading slash: `etc/sysctl.d/90-rs-agent.conf`. */
export interface Files {
  readonly root: string
  /** Null when there is no such file; anything but a regular file is an error, because it could not be put back. */
  read(path: string): FileForm | null
  /** The text of a file of somebody else's, whatever its bytes; null when it is no file that can be read, or larger. */
  readText(path: string, limit?: { upToBytes: number }): string | null
  /** Text that two paths share when one is a link to the other; null when nothing is there. */
  identity(path: string): string | null
  /** Replaces the file as a whole or not at all, and has it on the disk when it returns. */
  write(path: string, form: FileForm): void
  /** Adds to a file that is there, such as a log; not flushed to the disk. */
  append(path: string, text: string): void
  /** A file that is not there is no error. */
  remove(path: string): void
  /** Takes away what a `write` that was killed left beside the file. */
  removeDraft(path: string): void
  /** Names in a folder, sorted; none where there is no such folder. */
  list(folder: string): string[]
  /** Null when nothing is there. */
  folder(path: string): FoundFolder | null
  makeFolder(path: string): void
  /** Only while it is empty; one that is not stays. */
  removeFolder(path: string): void
}

export function filesBelow(root: string): Files {
  return {
    root,
    read: path => explained('read', join(root, path), readForm),
    readText: (path, { upToBytes } = { upToBytes: Number.POSITIVE_INFINITY }) =>
      readForeignText(join(root, path), upToBytes),
    identity: path => explained('look at', join(root, path), identityOf),
    write: (path, form) => explained('write', join(root, path), file => replaceFile(file, form)),
    append: (path, text) => explained('write to', join(root, path), file => appendFileSync(file, text)),
    remove: path => explained('remove', join(root, path), removeFile),
    removeDraft: path =>
      explained('clear up after', join(root, path), file => rmSync(draftOf(file), { force: true })),
    list: folder => explained('list', join(root, folder), listFolder),
    folder: path => explained('look into', join(root, path), folder => lookIntoFolder(folder, root)),
    makeFolder: path => explained('make', join(root, path), makeFolder),
    removeFolder: path => explained('remove', join(root, path), removeEmptyFolder),
  }
}

/** Gives a file another name, in its folder, that nobody reads; returns the new path. */
export function setAside({ root }: Pick<Files, 'root'>, path: string): string {
  const aside = `${path}.damaged-${new Date().toISOString()}`
  return explained('rename', join(root, path), file => {
    renameSync(file, join(root, aside))
    syncFolder(dirname(file))
    return aside
  })
}

function readForm(file: string): FileForm | null {
  try {
    const found = lstatSync(file)
    if (!found.isFile()) throw new Error('it is a link, a folder or a device, not a regular file')
    const { mode, uid, gid } = found
    const content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))
    return { content, mode: mode & 0o7777, uid, gid }
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}

function identityOf(file: string): string | null {
  try {
    const { dev, ino } = statSync(file, { bigint: true })
    return `${dev}:${ino}`
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return null
    throw error
  }
}

function readForeignText(file: string, upToBytes: number): string | null {
  try {
    // A link to /dev/null hides a file; a pipe would keep us waiting.
    const found = statSync(file)
    return found.isFile() && found.size <= upToBytes ? readFileSync(file, 'latin1') : null
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return null
    throw error
  }
}

function replaceFile(file: string, form: FileForm): void {
  makeFolder(dirname(file))
  // One fixed name: what an interrupted run left is replaced by the next one, not added to.
  const draft = draftOf(file)
  rmSync(draft, { force: true })
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeFileSync(descriptor, form.content)
    fchownSync(descriptor, form.uid, form.gid)
    fchmodSync(descriptor, form.mode)
    fsyncSync(descriptor)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
  syncFolder(dirname(file))
}

function removeFile(file: string): void {
  rmSync(draftOf(file), { force: true })
  rmSync(file, { force: true })
  try {
    syncFolder(dirname(file))
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
  }
}

/** A name that no reader of drop-in folders (`*.conf`) takes for a file of its own. */
function draftOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.draft`)
}

/** Makes the folder and its parents, 0755 whatever the umask says. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o755 })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    chmodSync(made, 0o755)
    chownSync(made, process.geteuid?.() ?? 0, process.getegid?.() ?? 0)
  }
}

/** A rename is on the disk only when its folder is. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/** One more than anybody wants to hear of. */
const ENTRIES_READ = 4

function lookIntoFolder(folder: string, root: string): FoundFolder | null {
  try {
    const link = firstLinkTo(folder, root)
    if (link !== null) return { kind: 'link', to: link }
    if (!lstatSync(folder).isDirectory()) return { kind: 'other' }
    return { kind: 'folder', entries: firstEntries(folder).sort() }
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}

/**
 * Where the first link on the way below the root leads, with the rest of the way; null without one. No link is followed:
 * a look beyond it may never end, where it leads to a share whose server is dead.
 */
function firstLinkTo(folder: string, root: string): string | null {
  const parts = relative(root, folder).split('/')
  for (const [index] of parts.entries()) {
    const way = join(root, ...parts.slice(0, index + 1))
    if (lstatSync(way).isSymbolicLink())
      return join(resolve(dirname(way), readlinkSync(way)), ...parts.slice(index + 1))
  }
  return null
}

/** Of a folder that may hold millions. */
function firstEntries(folder: string): string[] {
  const reading = opendirSync(folder)
  try {
    const entries: string[] = []
    for (let entry = reading.readSync(); entry !== null; entry = reading.readSync()) {
      entries.push(entry.name)
      if (entries.length === ENTRIES_READ) break
    }
    return entries
  } finally {
    reading.closeSync()
  }
}

/** Removes a folder that has become empty; one that is not empty or not there stays as it is. */
export function removeEmptyFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTEMPTY', 'EBUSY', 'EROFS', 'EACCES')) throw error
  }
}

function explained<T>(verb: string, file: string, work: (file: string) => T): T {
  try {
    return work(file)
  } catch (cause) {
    const message = `cannot ${verb} ${file}: ${messageOf(cause)}`
    if (hasErrno(cause, 'EACCES', 'EPERM'))
      throw new AgentError('missing-capability', message, 'run as root', cause)
    const hint = hasErrno(cause, 'ENOSPC')
      ? 'free some space on that file system'
      : 'check the file and its folder'
    throw new AgentError('failed', message, hint, cause)
  }
}
