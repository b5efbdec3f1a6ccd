import { closeSync, type FSWatcher, openSync, readSync, watch } from 'node:fs'
import { hasErrno, messageOf } from '../errors.ts'
import { kernelSysctl, type SysctlPath, sysctlFile } from './sysctl.ts'

/**
 * What no event tells of is found by then: a value that was written through another mount of procfs, and one that
 * came with that of conf/default or conf/all. A look at one file takes 4 µs.
 */
const LOOK_EVERY_MS = 1_000
/** A page: more than the kernel prints of any value that is followed here. */
const LONGEST_VALUE_BYTES = 4096

export interface SysctlWatch {
  /**
   * Follows these from now on, and no others. What the kernel does not have is left out; so is what goes away later,
   * as with its NIC, until it is named again. Changes are told from here on: look at the values after this.
   */
  follow(paths: readonly SysctlPath[]): void
  /** The value now; null where it is gone, or not followed. Throws what Sysctl's read throws. */
  read(path: SysctlPath): string | null
  close(): void
}

export interface ToldOfSysctls {
  /** Once for each change that was seen, with the value that was found. */
  changed(path: SysctlPath, value: string): void
  /** Once: the kernel gives no watches or descriptors any more, and what it does not give them for is heard of late. */
  blind(why: string): void
}

interface Held {
  descriptor: number
  /** Null where there was none to be had. */
  watcher: FSWatcher | null
  /** As it was last told; null before that. */
  value: string | null
}

/**
 * Tells of changes of kernel parameters in the network namespace that the process runs in. Of most, as of all that
 * begin with arp_, netlink tells nobody. inotify does, of what was written through the same mount of procfs, and only
 * as long as the file is held open: else the kernel may have another inode for the next writer.
 */
export function watchSysctls(told: ToldOfSysctls): SysctlWatch {
  const followed = new Map<SysctlPath, Held>()
  /** There was no descriptor for them so far. */
  const waiting = new Set<SysctlPath>()
  const buffer = Buffer.alloc(LONGEST_VALUE_BYTES)
  const timer = setInterval(lookAtAll, LOOK_EVERY_MS)
  let isBlind = false

  function lookAtAll(): void {
    for (const path of [...waiting]) hold(path)
    for (const path of followed.keys()) look(path)
  }

  function look(path: SysctlPath): void {
    const held = followed.get(path)
    if (held === undefined) return
    const value = unlessRefused(() => readHeld(held))
    if (value === null) {
      release(path)
    } else if (value !== undefined && value !== held.value) {
      held.value = value
      told.changed(path, value)
      // The NICs may take theirs from these (net/ipv4/devinet.c), and no event tells of it.
      if (/\/conf\/(all|default)\//.test(path)) lookAtAll()
    }
  }

  function follow(path: SysctlPath): void {
    const before = followed.get(path)
    // A NIC of the same name may have taken the place of another one.
    if (before !== undefined && unlessRefused(() => readHeld(before)) === null) release(path)
    hold(path)
    const held = followed.get(path)
    if (held !== undefined) held.value ??= unlessRefused(() => readHeld(held)) ?? null
  }

  function hold(path: SysctlPath): void {
    const held = followed.get(path) ?? unlessRefused(() => openIfPresent(path))
    if (held === undefined) waiting.add(path)
    else waiting.delete(path)
    if (held === undefined || held === null) return
    followed.set(path, held)
    held.watcher ??= unlessRefused(() => watchFor(path, held)) ?? null
  }

  function watchFor(path: SysctlPath, held: Held): FSWatcher {
    return watch(sysctlFile(path), () => look(path)).on('error', error => {
      held.watcher = null
      tellBlind(error)
    })
  }

  function release(path: SysctlPath): void {
    waiting.delete(path)
    const held = followed.get(path)
    if (held === undefined) return
    followed.delete(path)
    held.watcher?.close()
    closeSync(held.descriptor)
  }

  function readHeld({ descriptor }: Held): string | null {
    try {
      return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, 0)).trimEnd()
    } catch (error) {
      if (isGone(error)) return null
      throw error
    }
  }

  function unlessRefused<Value>(call: () => Value): Value | undefined {
    try {
      return call()
    } catch (error) {
      tellBlind(error)
      return undefined
    }
  }

  function tellBlind(error: unknown): void {
    if (!isBlind) told.blind(messageOf(error))
    isBlind = true
  }

  return {
    follow(paths) {
      const wanted = new Set(paths)
      for (const path of [...followed.keys(), ...waiting]) if (!wanted.has(path)) release(path)
      for (const path of wanted) follow(path)
    },
    read(path) {
      const held = followed.get(path)
      if (held !== undefined) return readHeld(held)
      return waiting.has(path) ? kernelSysctl.read(path) : null
    },
    close() {
      clearInterval(timer)
      for (const path of [...followed.keys(), ...waiting]) release(path)
    },
  }
}

function openIfPresent(path: SysctlPath): Held | null {
  try {
    return { descriptor: openSync(sysctlFile(path), 'r'), watcher: null, value: null }
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

/** ENOENT also while the file is held open; EINVAL at the very moment at which it goes away. */
function isGone(error: unknown): boolean {
  return hasErrno(error, 'ENOENT', 'EINVAL', 'ENODEV')
}
