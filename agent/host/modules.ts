import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { hasErrno, messageOf } from '../errors.ts'

/** The modules of the running kernel, loaded or built in. They belong to the machine, not to a namespace. */
export interface KernelModules {
  /** As `uname -r` prints it. */
  readonly release: string
  isThere(name: string): boolean
  /** Loads it with all it needs; the reason when that cannot be done, null when it was. */
  load(name: string): Promise<string | null>
}

export const kernelModules: KernelModules = {
  release: release(),
  isThere: name => existsSync(`/sys/module/${name}`) || isLoaded(name) || isBuiltIn(name),
  async load(name) {
    // Loaded when it is needed: what runs programs costs as much start-up as all the rest.
    const { execa } = await import('execa')
    const { failed, code, stderr, shortMessage } = await execa('modprobe', [name], {
      reject: false,
      all: true,
    })
    if (!failed) return null
    if (code === 'ENOENT') return 'modprobe is missing (package kmod)'
    // What led to it comes first.
    const said = stderr.trim().split('\n').at(-1) ?? ''
    return said.replace(/^modprobe: (FATAL|ERROR): /, '') || shortMessage || 'modprobe failed'
  },
}

/** Without a parameter of its own a module may be missing below /sys where that is another namespace's. */
function isLoaded(name: string): boolean {
  return readText('/proc/modules')
    .split('\n')
    .some(line => line.startsWith(`${name} `))
}

function isBuiltIn(name: string): boolean {
  const files = readText(`/lib/modules/${release()}/modules.builtin`)
  return files.includes(`/${name}.ko\n`)
}

/** Nothing where there is no such file: a kernel without modules, or a container. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return ''
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error })
  }
}
