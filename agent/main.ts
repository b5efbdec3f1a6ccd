import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { applyCommand } from './commands/apply.ts'
import type { Invocation } from './commands/invocation.ts'
import { planCommand } from './commands/plan.ts'
import { removeCommand } from './commands/remove.ts'
import { statusCommand } from './commands/status.ts'
import { AgentError } from './errors.ts'
import { reportError } from './report/error.ts'
import { openTerminal } from './report/terminal.ts'

const VERSION = '0.1.0'

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
  const add = (name: string, description: string): Command =>
    program.command(name).description(description).allowExcessArguments(false)

  add('plan', 'print what apply would change').action(() => run(() => planCommand(invocation())))
  add('apply', 'make this host the configured real server')
    .option('--dry-run', 'change nothing, as plan', false)
    .action(options => run(() => applyCommand(invocation(), options)))
  // Imported when they are called: plan and apply start without them.
  add('verify', 'prove that this host is a correct real server')
    .option('--only <ids>', 'make these checks alone, with commas between them', joinLists)
    .option('--skip <ids>', 'leave these checks out', joinLists)
    .option('--offline', 'put no frame on the wire', false)
    .action(options =>
      run(async () => (await import('./commands/verify.ts')).verifyCommand(invocation(), options)),
    )
  add('explain', 'tell what a check means, why it fails, and how to mend it')
    .argument('[id]', 'a check; without it, what the last verify found wrong')
    .action(id => run(async () => (await import('./commands/explain.ts')).explainCommand(invocation(), id)))
  add('probe', 'ask the segment who answers for an address')
    .argument('<vip>', 'the address to ask about')
    .option('--target <rip>', 'ask this one host alone, by unicast')
    .option('--interface <nic>', 'ask on this NIC')
    .option('--director <addresses>', 'who may answer, with commas between them; default: the configuration')
    .action((vip, options) =>
      run(async () => (await import('./commands/probe.ts')).probeCommand(invocation(), vip, options)),
    )
  add('status', 'print what is bound and silent, and the last apply').action(() =>
    run(() => statusCommand(invocation())),
  )
  add('remove', 'take the role off this host, prior values restored').action(() =>
    run(() => removeCommand(invocation())),
  )
  addDirectorCommands(add, invocation, run)
  return program
}

/** Imported when they are called, all of them: a real server starts without. */
function addDirectorCommands(
  add: (name: string, description: string) => Command,
  invocation: () => Invocation,
  run: (command: () => Promise<number>) => Promise<void>,
): void {
  const verbs = () => import('./commands/director.ts')
  const tables = () => import('./commands/director-tables.ts')
  const director = add('director', 'the same verbs for the director, and the tables of its kernel')
  const addVerb = (name: string, description: string): Command =>
    director.command(name).description(description).allowExcessArguments(false)

  addVerb('plan', 'print what director apply would change').action(() =>
    run(async () => (await verbs()).directorPlanCommand(invocation())),
  )
  addVerb('apply', 'make this host the configured director')
    .option('--dry-run', 'change nothing, as director plan', false)
    .action(options => run(async () => (await verbs()).directorApplyCommand(invocation(), options)))
  addVerb('verify', 'prove that this host is a correct director, and its real servers are behind it')
    .option('--only <ids>', 'make these checks alone, with commas between them', joinLists)
    .option('--skip <ids>', 'leave these checks out', joinLists)
    .option('--offline', 'put no frame on the wire', false)
    .action(options => run(async () => (await verbs()).directorVerifyCommand(invocation(), options)))
  addVerb(
    'run',
    'stay this director, with healthy real servers alone in rotation; SIGHUP reads the configuration again',
  ).action(() =>
    run(async () => (await import('./commands/director-run.ts')).directorRunCommand(invocation())),
  )
  const drains = () => import('./commands/director-drain.ts')
  addVerb('drain', 'give a real server no new connections, and wait until it has none')
    .argument('<rip>', 'the address of the real server')
    .option('--limit <seconds>', 'wait no longer', '300')
    .option('--no-wait', 'do not wait')
    .action((rip, options) =>
      run(async () => (await drains()).directorDrainCommand(invocation(), rip, options)),
    )
  addVerb('undrain', 'take a real server back into rotation')
    .argument('<rip>', 'the address of the real server')
    .action(rip => run(async () => (await drains()).directorUndrainCommand(invocation(), rip)))
  addVerb('status', 'print VIPs, services, real servers, what checks say, and the last apply')
    .option('--watch', 'print it anew every 2 s, until SIGINT', false)
    .action(options => run(async () => (await tables()).directorStatusCommand(invocation(), options)))
  addVerb(
    'stats',
    'print what went through each service and real server; the kernel counts every 2 s',
  ).action(() => run(async () => (await tables()).directorStatsCommand(invocation())))
  addVerb('connections', 'print the connections that the kernel remembers')
    .option('--vip <address>', 'to this VIP alone')
    .option('--real-server <address>', 'to this real server alone')
    .option('--client <address>', 'of this client alone')
    .option('--state <name>', 'in this state alone, such as ESTABLISHED')
    .option('--limit <count>', 'print no more than this many', '100')
    .action(options => run(async () => (await tables()).directorConnectionsCommand(invocation(), options)))
  addVerb('save', 'print the table as rules for `ipvsadm -R`').action(() =>
    run(async () => (await tables()).directorSaveCommand(invocation())),
  )
  addVerb('import', "write our configuration from another tool's: ipvsadm, ldirectord or keepalived")
    .argument('<file>', 'rules of `ipvsadm -S`, ldirectord.cf or keepalived.conf; - is stdin')
    .option('--kind <kind>', 'ipvsadm, ldirectord or keepalived, when the content does not tell')
    .option('--interface <nic>', 'the NIC of the VIPs')
    .option('--check', "compare what the file means with the kernel's table instead", false)
    .action((file, options) =>
      run(async () =>
        (await import('./commands/director-import.ts')).directorImportCommand(invocation(), file, options),
      ),
    )
  addVerb('remove', 'take the role off this host, prior values restored').action(() =>
    run(async () => (await verbs()).directorRemoveCommand(invocation())),
  )
}

/** An option that is given twice adds to what it said before. */
function joinLists(text: string, before: string | undefined): string {
  return before === undefined ? text : `${before},${text}`
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
