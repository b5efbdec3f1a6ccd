import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AgentError, messageOf } from '../errors.ts'
import { refuseUntrusted } from './trust.ts'

/** The templates lie beside the bundle when installed, at the top of the tree when the sources are run. */
const folder = fileURLToPath(
  new URL(import.meta.filename.endsWith('.ts') ? '../../templates/' : './templates/', import.meta.url),
)

/** The text of templates/NAME; refused when somebody else could have written it. */
export function readTemplate(name: string): string {
  const path = `${folder}${name}`
  refuseUntrusted(path, `template ${name}`)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AgentError(
      'failed',
      `cannot read template ${path}: ${messageOf(cause)}`,
      'restore it from the package',
      cause,
    )
  }
}
