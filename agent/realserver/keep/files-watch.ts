import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { fileStamp } from '../../host/file-stamp.ts'

/** Whether files have changed since they were last looked at: an editor writes anew, in place or by rename; either shows. */
export class FilesWatch {
  readonly #root: string
  #stamps = ''

  constructor(root: string) {
    this.#root = root
  }

  /** Of the files by path below the root, and of what is mounted. The first look finds no change. */
  look(paths: readonly string[], { mounts }: { mounts: readonly string[] }): boolean {
    const stamps = [...paths.map(path => fileStamp(join(this.#root, path))), mountsStamp(mounts)].join('\n')
    const isChanged = this.#stamps !== '' && stamps !== this.#stamps
    this.#stamps = stamps
    return isChanged
  }

  /** What is there now is no change: it was we who made it. */
  forget(): void {
    this.#stamps = ''
  }
}

/** A dead file server does not answer statfs(2): the kernel's list does. */
function mountsStamp(targets: readonly string[]): string {
  if (targets.length === 0) return ''
  try {
    const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    return lines.filter(line => targets.includes(line.split(' ')[1] ?? '')).join('\n')
  } catch (error) {
    return messageOf(error)
  }
}
