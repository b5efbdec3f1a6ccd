import { readFileSync } from 'node:fs'
import { AgentError, messageOf } from '../errors.ts'
import { ownFile } from '../host/own-files.ts'
import type { Invocation } from './invocation.ts'

/** Prints the completions of a shell, as the build has made them from the command line itself. */
export async function completionCommand({ terminal }: Invocation, shell: string): Promise<number> {
  const script = readCompletions(`completions/rs-agent.${shell}`)
  if (terminal.json) terminal.document({ shell, script })
  else terminal.line(script.trimEnd())
  await terminal.written()
  return 0
}

function readCompletions(name: string): string {
  try {
    const file = ownFile(name)
    return file.kind === 'inside' ? new TextDecoder().decode(file.bytes) : readFileSync(file.path, 'utf8')
  } catch (cause) {
    throw new AgentError(
      'failed',
      `cannot read ${name} of the program: ${messageOf(cause)}`,
      'restore it from the package',
      cause,
    )
  }
}
