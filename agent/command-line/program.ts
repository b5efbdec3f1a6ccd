import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { Invocation } from '../commands/invocation.ts'
import { AgentError } from '../errors.ts'
import { openTerminal } from '../report/terminal.ts'
import { VERSION } from '../version.ts'
import { addDirectorVerbs } from './director-verbs.ts'
import { addRealServerVerbs } from './real-server-verbs.ts'
import { addServiceVerbs } from './service-verbs.ts'
import { addSetUpVerbs } from './set-up-verbs.ts'
import type { Verbs } from './verb.ts'

const EXIT_STATUSES = `
Exit status:
  0   done, or nothing to do          64  the command line is wrong
  1   failed, everything undone       65  the configuration is wrong
  2   differs, or a check failed      69  the kernel or host lacks a feature
  3   a check could not find out      75  another rs-agent is at work
  4   failed, undo incomplete         77  a capability is missing`

/**
 * The command line as a whole: what --help prints, and what completions and manual pages are made from. Built without
 * a look at anything; `run` gets the command that was asked for.
 */
export function buildProgram(run: Verbs['run']): Command {
  const program = new Command('rs-agent')
    .description('Makes this host a correct LVS-DR real server or director, and proves it on the wire.')
    .version(VERSION, '-V, --version', 'print the version')
    .addOption(new Option('--config <file>', 'configuration').default(undefined, '/etc/rs-agent/config.yaml'))
    .option('--root <dir>', 'folder that holds all files read and written', '/')
    .option('--json', 'print one JSON document', false)
    .option('--no-color', 'print without colours')
    .addHelpText('after', EXIT_STATUSES)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .helpCommand(false)
  const invocation = (): Invocation => {
    const { root, config, json, color } = program.opts<{
      root: string
      config?: string
      json: boolean
      color: boolean
    }>()
    return {
      root: rootFolder(root),
      configFile: config === undefined ? undefined : resolve(config),
      terminal: openTerminal({ json, color }),
    }
  }
  const addBelow =
    (parent: Command) =>
    (name: string, description: string): Command =>
      parent.command(name).description(description).allowExcessArguments(false)
  const add = addBelow(program)

  // In the order of --help.
  addSetUpVerbs({ add, invocation, run })
  addRealServerVerbs({ add, invocation, run })
  const service = add('service', 'the boot-time service that keeps this host in its role')
  addServiceVerbs({ add: addBelow(service), invocation, run })
  const director = add('director', 'the same verbs for the director, and the tables of its kernel')
  addDirectorVerbs({ add: addBelow(director), invocation, run })
  return program
}

/** The folder must be there: an empty variable or a slip of the pen must not start a host's memory anew. */
function rootFolder(root: string): string {
  if (root !== '' && statSync(root, { throwIfNoEntry: false })?.isDirectory() === true) return resolve(root)
  throw new AgentError(
    'usage',
    `--root ${root === '' ? 'is empty' : `${root} is not a folder`}`,
    'name the folder that holds the files of the host',
  )
}
