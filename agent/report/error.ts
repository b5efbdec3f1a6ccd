import { AgentError, messageOf } from '../errors.ts'
import type { Terminal } from './terminal.ts'

/** Prints an error in the form asked for and returns the exit status that belongs to it. */
export function reportError(terminal: Terminal, thrown: unknown): number {
  const error =
    thrown instanceof AgentError
      ? thrown
      : new AgentError(
          'failed',
          messageOf(thrown),
          'this is a defect of rs-agent: please report it with what stands above',
          thrown,
        )
  if (terminal.json)
    terminal.document({ error: { code: error.code, message: error.message, hint: error.hint } })
  else {
    terminal.note(`${terminal.style(['bold', 'red'], 'error')}: ${error.message}`)
    if (error.hint !== '') terminal.note(`  ${terminal.style('cyan', '->')} ${error.hint}`)
    if (error !== thrown && thrown instanceof Error) terminal.note(String(thrown.stack))
  }
  return error.exitStatus
}
