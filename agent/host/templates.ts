import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AgentError, messageOf } from '../errors.ts'
import { ownFile } from './own-files.ts'
import { refuseUntrusted } from './trust.ts'

/** Where a host has templates of its own, below the root. */
export const OWN_TEMPLATES = 'etc/rs-agent/templates'

/** The text of the host's own template of that name, else of the one that comes with the program. */
export function readOwnTemplate(name: string, root: string): string {
  const own = join(root, OWN_TEMPLATES, name)
  const hint = `mend it, or remove it: ${name} of the program is used then`
  return isThere(own, name, hint) ? readTrusted(own, name, hint) : readTemplate(name)
}

/** A link that leads nowhere is there as well: whoever put it there does not want the program's template instead. */
function isThere(path: string, name: string, hint: string): boolean {
  return attempt(path, name, hint, () => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
}

/** The text of templates/NAME. */
export function readTemplate(name: string): string {
  const file = ownFile(`templates/${name}`)
  return file.kind === 'inside'
    ? textOf(file.bytes)
    : readTrusted(file.path, name, 'restore it from the package')
}

/** Refused when somebody else could have written it. */
function readTrusted(path: string, name: string, hint: string): string {
  refuseUntrusted(path, `template ${name}`)
  return attempt(path, name, hint, () => textOf(readFileSync(path)))
}

/** Bytes that are no text would be written as something else. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

function attempt<T>(path: string, name: string, hint: string, look: () => T): T {
  try {
    return look()
  } catch (cause) {
    throw new AgentError('failed', `cannot read template ${name}, ${path}: ${messageOf(cause)}`, hint, cause)
  }
}
