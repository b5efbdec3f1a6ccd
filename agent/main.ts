import { CommanderError } from 'commander'
import { buildProgram } from './command-line/program.ts'
import { AgentError } from './errors.ts'
import { reportError } from './report/error.ts'
import { openTerminal } from './report/terminal.ts'

/** Parses the arguments, runs the one command, and returns the exit status. */
async function main(args: readonly string[]): Promise<number> {
  let status = 0
  const program = buildProgram(async run => {
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
