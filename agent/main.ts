import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { addDirectorVerbs } from './command-line/director-verbs.ts'
import { addRealServerVerbs } from './command-line/real-server-verbs.ts'
import { addServiceVerbs } from './command-line/service-verbs.ts'
import type { Invocation } from './commands/invocation.ts'
import { AgentError } from './errors.ts'
import { reportError } from './report/error.ts'
import { openTerminal } from './report/terminal.ts'
import { VERSION } from './version.ts'

const EXIT_STATUSES = `
Exit status:
  0   done, or nothing to do          64  the command line is wrong
  1   failed, everything undone       65  the configuration is wrong
  2   differs, or a check failed      69  the kernel or host lacks a feature
  3   a check could not find out      75  another rs-agent is at work
  4   failed, undo incomplete         77  a capability is missing`

/** Parses the arguments, runs the one command, and returns the exit status. */
async function main(args: readonly string[]): Promise<number> {
  let status = 0
  const program = commandLine(async run => {
    status = await run()
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    // --help and --version come as exceptions too, with status 0.
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    // Before the options are parsed, or when they could not be, the arguments themselves must say.
    const terminal = openTerminal({ json: args.includes('--json'), color: !args.includes('--no-color') })
    terminal.progress(null)
    return reportError(terminal, error instanceof CommanderError ? usageError(error) : error)
  }
}

function commandLine(run: (command: () => Promise<number>) => Promise<void>): Command {
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
  const service = add('service', 'the boot-time service that keeps this host in its role')
  const director = add('director', 'the same verbs for the director, and the tables of its kernel')

  addRealServerVerbs({ add, invocation, run })
  addServiceVerbs({ add: addBelow(service), invocation, run })
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

function usageError({ message, code }: CommanderError): AgentError {
  const text = code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, '')
  return new AgentError('usage', text, '`rs-agent --help` lists the commands and options')
}

// A reader that went away, or a full disk behind a redirection: the exit status still says what was done.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
// Not awaited here: a command that is imported when it is called imports, in the bundle, the file that this is in.
process.exitCode = 1
main(process.argv.slice(2)).then(status => {
  process.exitCode = status
})
