import { DISTRIBUTIONS, type Distribution, parseOsRelease } from '../model/distribution.ts'
import type { Files } from './files.ts'

/** os-release(5): the first of them that is there. */
const OS_RELEASE = ['etc/os-release', 'usr/lib/os-release']

/** Null for one that the table does not know. */
export function distributionOf(files: Files): Distribution | null {
  for (const path of OS_RELEASE) {
    const text = files.readText(path)
    if (text === null) continue
    const id = parseOsRelease(text)
    return id === null ? null : DISTRIBUTIONS[id]
  }
  return null
}
