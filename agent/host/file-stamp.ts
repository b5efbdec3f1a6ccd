import { statSync } from 'node:fs'
import { messageOf } from '../errors.ts'

/**
 * Text that differs when the file has changed: an editor writes anew, in place or by rename, and either shows. What
 * cannot be looked at is no reason to end: it has a stamp of its own.
 */
export function fileStamp(file: string): string {
  try {
    const { ino, size, mtimeMs, mode } = statSync(file)
    return [ino, size, mtimeMs, mode].join()
  } catch (error) {
    return messageOf(error)
  }
}
