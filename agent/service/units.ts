import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Config } from '../config/load.ts'
import { AgentError } from '../errors.ts'
import { ownCommand } from '../host/own-files.ts'
import { readOwnTemplate } from '../host/templates.ts'
import { refuseUntrusted } from '../host/trust.ts'
import { systemdWord } from '../model/dialect.ts'
import { revisionOf } from '../model/revision.ts'
import { UNIT_NAMES, type UnitName } from '../model/service-units.ts'
import { renderNamed, renderTemplate } from '../model/template.ts'
import { withFirstLine } from '../realserver/written-by-us.ts'

export interface Unit {
  name: UnitName
  /** Below the root. */
  path: string
  content: string
}

/** What the service runs. Absolute paths, as the booted host sees them. */
export interface Program {
  /** The program, or what runs it, and its arguments. */
  command: readonly string[]
  /** Null for the one that is looked for anyway. */
  configFile: string | null
}

export function unitPath(name: UnitName): string {
  // Of units that an administrator, or rs-agent, writes.
  return `etc/systemd/system/${name}`
}

/** The units of the service. Templates of the host's own, below the root, come first; throws what is wrong in one. */
export function renderUnits(
  root: string,
  { command, configFile }: Program,
  roles: Pick<Config, 'director'>,
): Unit[] {
  const options = configFile === null ? [] : ['--config', configFile]
  const [program = '', ...words] = [...command, ...options]
  const values = {
    program,
    arguments: words.map(argument => ({ argument })),
    director: roles.director === undefined ? [] : [{}],
  }
  return UNIT_NAMES.map(name => {
    const template = `systemd/${name}`
    const text = renderNamed(template, () =>
      renderTemplate(readOwnTemplate(template, root), values, systemdWord),
    )
    return { name, path: unitPath(name), content: withFirstLine(text, revisionOf(text)) }
  })
}

/** The program that runs now, as a service can run it. Throws when it could not, or should not. */
export function programOfService(root: string, configFile: string | undefined): Program {
  const command = ownCommand()
  const config = configFile === undefined ? null : pathOnHost(root, configFile)
  const last = command.length - 1
  for (const [index, path] of command.entries())
    refusePassing(root, index === last ? 'rs-agent' : 'Node.js', path)
  if (config !== null) refusePassing(root, 'the configuration', config)
  return { command, configFile: config }
}

/** Places that are emptied at a boot, and those that the unit's own ProtectHome= and PrivateTmp= hide from it. */
const HIDDEN_OR_EMPTIED = ['/tmp', '/var/tmp', '/run', '/dev', '/proc', '/home', '/root']

function refusePassing(root: string, what: string, path: string): void {
  const place = HIDDEN_OR_EMPTIED.find(folder => path.startsWith(`${folder}/`))
  if (place !== undefined)
    throw new AgentError(
      'failed',
      `${what} is ${path}: a service cannot run from ${place}`,
      'install it where it stays, such as /usr/local/lib/rs-agent, and run it from there',
    )
  if (!existsSync(join(root, path)))
    throw new AgentError(
      'failed',
      `${what} is ${path}, which is not there below ${root}`,
      'install rs-agent and Node.js on that host, at the same paths',
    )
  refuseUntrusted(join(root, path), what)
}

/** Of a file below the root, the path without it. */
function pathOnHost(root: string, file: string): string {
  const path = relative(root, file)
  if (!path.startsWith('../')) return `/${path}`
  throw new AgentError(
    'failed',
    `the configuration ${file} is not below ${root}`,
    'put it where the host has it, too',
  )
}
