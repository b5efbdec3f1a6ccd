import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentError, messageOf } from '../errors.ts'
import { refuseUntrusted } from './trust.ts'

/** The templates lie beside the bundle when installed, at the top of the tree when the sources are run. */
const folder = fileURLToPath(
  new URL(import.meta.filename.endsWith('.ts') ? '../../templates/' : './templates/', import.meta.url),
)

/** Where a host has templates of its own, below the root. */
export const OWN_TEMPLATES = 'etc/rs-agent/templates'

/** The text of the host's own template of that name, else of the one that comes with the program. */
export function readOwnTemplate(name: string, root: string): string {
  const own = join(root, OWN_TEMPLATES, name)
  return existsSync(own)
    ? readTrusted(own, name, `mend it, or remove it: ${name} of the program is used then`)
    : readTemplate(name)
}

/** The text of templates/NAME. */
export function readTemplate(name: string): string {
  return readTrusted(`${folder}${name}`, name, 'restore it from the package')
}

/** Refused when somebody else could have written it. */
function readTrusted(path: string, name: string, hint: string): string {
  refuseUntrusted(path, `template ${name}`)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AgentError('failed', `cannot read template ${path}: ${messageOf(cause)}`, hint, cause)
  }
}
